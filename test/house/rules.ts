import { createRequire } from 'node:module';
import { codeRules } from './code-rules.js';
import type { HouseRule } from './house-rule.js';
import { libraries, type Repository } from './repository.js';

const layers = createRequire(import.meta.url)('../../libs/layers.cjs') as {
  readonly forbiddenNames: string[];
};

const isOurCode = (path: string): boolean => /^(libs|apps|test)\/.*\.(ts|mjs|cjs)$/.test(path);

/** Every path for which `wrong` names a breach. */
function judge(repository: Repository, wrong: (path: string, text: string) => string | undefined): string[] {
  const breaches: string[] = [];
  for (const [path, text] of repository) {
    const breach = wrong(path, text);
    if (breach !== undefined) breaches.push(`${path}: ${breach}`);
  }
  return breaches;
}

const sayingNames: HouseRule = {
  demand: 'the name of a file or folder says what is in it',
  breaches: (repository) =>
    judge(repository, (path) => {
      if (!isOurCode(path)) return undefined;
      const words = path.split(/[/.-]/);
      const empty = words.find((word) => layers.forbiddenNames.includes(word));
      return empty === undefined ? undefined : `'${empty}' says nothing; name the noun it works on`;
    }),
};

const kebabCase: HouseRule = {
  demand: 'a source file is named in kebab-case',
  breaches: (repository) =>
    judge(repository, (path) =>
      isOurCode(path) && !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/.test(path.slice(path.lastIndexOf('/') + 1))
        ? 'not kebab-case'
        : undefined,
    ),
};

const libraryReadme: HouseRule = {
  demand: 'every library says on one short page what it owns and what it promises',
  breaches: (repository) =>
    libraries(repository).flatMap((library) => {
      const path = `libs/${library}/README.md`;
      const lines = repository.get(path)?.trimEnd().split('\n').length ?? 0;
      if (lines === 0) return [`${path}: missing`];
      return lines > 45 ? [`${path}: ${lines} lines; at most 45, about 20 is right`] : [];
    }),
};

const libraryIndex: HouseRule = {
  demand: 'every library has one face, src/index.ts',
  breaches: (repository) =>
    libraries(repository).flatMap((library) =>
      repository.has(`libs/${library}/src/index.ts`) ? [] : [`libs/${library}/src/index.ts: missing`],
    ),
};

const appsAreWiring: HouseRule = {
  demand: 'an app is a main of at most 30 lines and a module, nothing else',
  breaches: (repository) =>
    judge(repository, (path, text) => {
      const inside = /^apps\/([^/]+)\/(.+)$/.exec(path);
      if (!inside?.[2]?.endsWith('.ts')) return undefined;
      if (inside[2] === 'src/main.ts') {
        const lines = text.trimEnd().split('\n').length;
        return lines > 30 ? `${lines} lines` : undefined;
      }
      return inside[2] === `src/${inside[1] ?? ''}.module.ts` ? undefined : 'belongs in a library';
    }),
};

// Written in two halves, so that this file keeps its own rule.
const machinePath = new RegExp(
  `(^|[\\s'"\`(=:])/(${['wor' + 'k', 'tmp/sut' + 'ure', 'roo' + 't'].join('|')})/`,
);

const noMachinePaths: HouseRule = {
  demand: 'no file knows the machine it was written on',
  breaches: (repository) =>
    judge(repository, (_path, text) => {
      const line = text.split('\n').findIndex((one) => machinePath.test(one));
      return line < 0 ? undefined : `line ${line + 1} names a path of one machine`;
    }),
};

const noRegistryHosts: HouseRule = {
  demand: 'the lockfile and npm settings name no registry host',
  breaches: (repository) =>
    judge(repository, (path, text) => {
      if (path === 'package-lock.json' && /"resolved": "https?:/.test(text))
        return 'holds resolved addresses';
      return path === '.npmrc' && /^\s*(@[^:]+:)?registry\s*=/m.test(text) ? 'sets a registry' : undefined;
    }),
};

interface LockedPackage {
  readonly optionalDependencies?: Record<string, string>;
}

const everyPlatformLocked: HouseRule = {
  demand: 'the lockfile names the native variants of every platform, or `npm ci` fails elsewhere',
  breaches: (repository) => {
    const text = repository.get('package-lock.json');
    if (!text?.startsWith('{')) return [];
    const { packages } = JSON.parse(text) as { packages: Record<string, LockedPackage> };
    const names = new Set(
      Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)),
    );
    const missing = Object.values(packages)
      .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
      .filter((name) => !names.has(name));
    return missing.length === 0
      ? []
      : [`package-lock.json: lacks ${missing.length} variants; run node .ci/complete-lockfile.mjs`];
  },
};

const noUnfinishedBusiness: HouseRule = {
  demand: 'unfinished business is an issue, not a remark in the code',
  breaches: (repository) =>
    judge(repository, (path, text) => {
      if (!isOurCode(path) || path.startsWith('test/house/')) return undefined;
      return /\b(TODO|FIXME|HACK)\b/.test(text) ? 'TODO, FIXME or HACK' : undefined;
    }),
};

const exceptionsHaveReasons: HouseRule = {
  demand: 'who switches a check off says why',
  breaches: (repository) =>
    judge(repository, (path, text) => {
      if (!isOurCode(path) || path.startsWith('test/house/')) return undefined;
      const bare = text
        .split('\n')
        .findIndex((line) => /eslint-disable(?!.* -- \S)|biome-ignore(?!.*: \S)/.test(line));
      return bare < 0 ? undefined : `line ${bare + 1} switches a check off without ' -- reason'`;
    }),
};

const documentsNameRealFiles: HouseRule = {
  demand: 'a file that a document names exists',
  breaches: (repository) =>
    judge(repository, (path, text) => {
      if (
        !/^(README|CONTRIBUTING|docs\/.*|libs\/[^/]+\/README)(\.md)?$/.test(path) &&
        !/^docs\/.*\.md$/.test(path)
      )
        return undefined;
      const missing = [
        ...text.matchAll(/`((?:libs|apps|test|docs|mappings|[a-z0-9]+\/src)\/[\w./-]*\.[a-z]+)`/g),
      ]
        .map((match) => match[1] ?? '')
        .filter((name) => !repository.has(name) && !repository.has(`libs/${name}`));
      return missing.length === 0 ? undefined : `names ${[...new Set(missing)].join(', ')}, not there`;
    }),
};

/** All house rules that no other tool holds. */
export const houseRules: readonly HouseRule[] = [
  sayingNames,
  kebabCase,
  libraryReadme,
  libraryIndex,
  appsAreWiring,
  noMachinePaths,
  noRegistryHosts,
  everyPlatformLocked,
  noUnfinishedBusiness,
  exceptionsHaveReasons,
  documentsNameRealFiles,
  ...codeRules,
];
