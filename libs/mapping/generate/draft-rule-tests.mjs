// Drafts tests for the rules that no test misses: makes up messages until one shows what a rule does, takes everything out of
// it that the rule does not need, and writes it with the values that would be others without the rule. Read what it drafts
// before you keep it: it pins what is, not what is right.
//   npm run build && node libs/mapping/generate/draft-rule-tests.mjs [seed] [dry] > left.txt
// On stdout: the rules that it found no message for, and why. With `dry` nothing is written.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeMessage, startAt } from './make-message.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const built = (path) => import(join(root, 'dist/libs', path));
const { checkResource, Decimal } = await built('fhir/src/index.js');
const { parseMessage } = await built('hl7v2/src/index.js');
const { MappingLibrary } = await built('mapping/src/load-mappings.js');
const { Switches } = await built('mapping/src/tests/switches.js');
const { PreparedTests } = await built('mapping/src/tests/run-tests.js');
const { valueText } = await built('mapping/src/tests/find-values.js');

const mappings = join(root, 'mappings');
const seed = Number(process.argv[2] ?? 1);
const isDry = process.argv.includes('dry');
/** Messages made up for each message map: so many at most, and so many in a row that show nothing new. */
const TRIES = 2_000;
const VAIN = 300;
/** Rules of one map that one message may stand for. */
const TOGETHER = 8;

/** The texts of all leaves by their path, without places in lists: as `findValues` gives them. */
function leavesOf(resources) {
  const leaves = new Map();
  const walk = (node, path) => {
    if (Array.isArray(node)) for (const item of node) walk(item, path);
    else if (typeof node === 'object' && node !== null && !(node instanceof Decimal))
      for (const key of Object.keys(node)) walk(node[key], `${path}.${key}`);
    else {
      const list = leaves.get(path);
      if (list) list.push(valueText(node));
      else leaves.set(path, [valueText(node)]);
    }
  };
  for (const resource of resources) walk(resource, resource.resourceType);
  return leaves;
}

const typesOf = (resources) =>
  resources
    .map(({ resourceType }) => resourceType)
    .sort()
    .join();

/** Ids are hashes, and so are references to them: of these only the number counts. */
function isOther(path, whole, less) {
  if (/\.id$|\.resourceType$/.test(path)) return false;
  const [a, b] = [whole.get(path) ?? [], less.get(path) ?? []];
  return a.length !== b.length || (!path.endsWith('.reference') && a.some((text, i) => text !== b[i]));
}

/** What is different without the rule: the values of a path, or which resources there are. Undefined: nothing. */
function difference(whole, less, element) {
  const leaves = leavesOf(less.trees);
  const paths = new Set([...whole.leaves.keys(), ...leaves.keys()]);
  const found = [...paths].filter((path) => isOther(path, whole.leaves, leaves));
  const isOwn = (path) => element !== undefined && path.split('.')[1]?.startsWith(element);
  const best = found.find(isOwn) ?? found.find((path) => !path.endsWith('.reference')) ?? found[0];
  if (best === undefined && typesOf(whole.trees) === typesOf(less.trees)) return undefined;
  if (element === undefined && typesOf(whole.trees) !== typesOf(less.trees)) return { counts: true };
  return best === undefined ? { counts: true } : { path: best, wanted: whole.leaves.get(best) ?? [] };
}

const switches = new Switches();
const tests = new PreparedTests(mappings, switches.on);
const testsOf = new Map();
for (const one of tests.list) {
  switches.used = new Set();
  tests.run(one);
  for (const key of switches.used) testsOf.set(key, [...(testsOf.get(key) ?? []), one]);
}
const isMissed = (key) =>
  switches.without(key, () => (testsOf.get(key) ?? []).some((one) => tests.run(one).failures.length > 0));
const open = new Set([...switches.rules.keys()].filter((key) => !isMissed(key)));
const openAtFirst = open.size;
process.stderr.write(`${open.size} of ${switches.rules.size} rules are missed by no test\n`);

/** `name` of `v2.PID.Patient/name[0]`; of a step none. */
const elementOf = (key) => /\/([A-Za-z]+)/.exec(switches.rules.get(key).name)?.[1];
/** The map a rule is of; of a step the message map. */
const mapOf = (key) => switches.rules.get(key).name.split(/\/| creates /)[0];

/** What was no valid R4 and by which message: a mistake of a map, or of the run that lets it pass. */
const invalid = new Map();

/** The first thing that is wrong with these resources, in words. */
function wrongIn(trees) {
  for (const tree of trees) {
    const [issue] = checkResource(tree);
    if (issue) return `${tree.resourceType} ${issue.path.replaceAll(/\[\d+\]/g, '')}: ${issue.message}`;
  }
  return undefined;
}

/** The resources of a message with what is wrong with them, and a way to map it again. */
function mapped(map, lines) {
  let message;
  try {
    message = parseMessage(Buffer.from(lines.join('\r')));
  } catch {
    return undefined;
  }
  const run = () => {
    const { report, resources } = map.run(message, { tenant: 'test', account: 'full' });
    return { report, trees: resources.map(({ resource }) => resource) };
  };
  switches.used = new Set();
  const { report, trees } = run();
  if (report.errors.length > 0) return undefined;
  return { run, trees, used: switches.used, wrong: wrongIn(trees) };
}

/** What a message becomes, and the rules that had an effect; undefined when something is wrong with it. */
function outcome(map, lines) {
  const result = mapped(map, lines);
  if (result === undefined) return undefined;
  const { run, trees, used, wrong } = result;
  if (wrong !== undefined) {
    if (!invalid.has(wrong)) invalid.set(wrong, { map, lines });
    return undefined;
  }
  const whole = { trees, leaves: leavesOf(trees) };
  return {
    used,
    trees,
    /** What the rule makes other; undefined when nothing. */
    shown: (key) => difference(whole, switches.without(key, run), elementOf(key)),
    /** Whether what was shown before is still shown, without looking at anything else. */
    stillShows: (key, { path }) => {
      const less = switches.without(key, run).trees;
      return path === undefined
        ? typesOf(trees) !== typesOf(less)
        : isOther(path, whole.leaves, leavesOf(less));
    },
  };
}

/** Takes as much as it can out of a list of places: halves first, then what is left of them. */
function without(places, attempt) {
  if (places.length === 0 || attempt(places)) return;
  if (places.length === 1) return;
  const middle = places.length >> 1;
  without(places.slice(middle), attempt);
  without(places.slice(0, middle), attempt);
}

/** Takes out segments, fields and components without which `isEnough` still holds. */
function shrunk(lines, isEnough) {
  let best = lines;
  const attempt = (tried) => {
    if (!isEnough(tried)) return false;
    best = tried;
    return true;
  };
  without(
    lines.slice(1).map((_, i) => i + 1),
    (gone) => attempt(best.map((line, i) => (gone.includes(i) ? '' : line))),
  );
  best = best.filter((line) => line !== '');
  for (let i = 0; i < best.length; i++) {
    const cut = (fields, put) =>
      best.with(
        i,
        best[i]
          .split('|')
          .map((text, field) => (fields.includes(field) ? put(text) : text))
          .join('|')
          .replace(/\|+$/, ''),
      );
    const valued = best[i].split('|').flatMap((text, field) => {
      // MSH-7, 9, 10, 11, 12 belong to every message; in the text they stand one to the left.
      const isFixed = field === 0 || (i === 0 && [1, 6, 8, 9, 10, 11].includes(field));
      return text === '' || isFixed ? [] : [field];
    });
    // A patient has a number, so that the message looks like one.
    const loose = valued.filter((field) => field !== 3 || !best[i].startsWith('PID|'));
    without(loose, (gone) => attempt(cut(gone, () => '')));
    const composite = valued.filter((field) => /[&^]/.test(best[i].split('|')[field] ?? ''));
    without(composite, (shorter) => attempt(cut(shorter, (text) => text.split(/[&^]/)[0])));
  }
  return best;
}

/** The message with what these rules need to show what they showed in all of it. */
function shrunkFor(keys, map, lines, shown) {
  const aims = keys.map((key) => [key, shown(key)]);
  return shrunk(lines, (tried) => {
    const result = outcome(map, tried);
    return (
      result !== undefined && aims.every(([key, aim]) => result.used.has(key) && result.stillShows(key, aim))
    );
  });
}

const library = new MappingLibrary(mappings, switches.on);
const set = library.set(library.usualLayers);
/** Rules that had an effect in some message, and what they did made no difference: how often. */
const idle = new Map();
const found = [];
for (const map of set.maps) {
  startAt(seed);
  const before = open.size;
  for (let count = 0, vain = 0; count < TRIES && vain < VAIN; count++) {
    vain++;
    const lines = makeMessage(map);
    if (process.env.ONLY && map.name !== process.env.ONLY) break;
    const result = outcome(map, lines);
    if (!result) continue;
    const groups = new Map();
    for (const key of [...result.used].filter((one) => open.has(one))) {
      if (result.shown(key) === undefined) {
        idle.set(key, (idle.get(key) ?? 0) + 1);
        continue;
      }
      const name = mapOf(key);
      groups.set(name, [...(groups.get(name) ?? []), key].slice(0, TOGETHER));
    }
    for (const keys of groups.values()) {
      const small = shrunkFor(keys, map, lines, result.shown);
      const shown = outcome(map, small);
      // What is left may show other rules of the same map too.
      const all = [...shown.used].filter(
        (key) => open.has(key) && mapOf(key) === mapOf(keys[0]) && shown.shown(key) !== undefined,
      );
      found.push({ map, lines: small, keys: all, shown });
      for (const key of all) open.delete(key);
      vain = 0;
    }
  }
  process.stderr.write(`${map.name}: ${before - open.size} rules shown, ${open.size} left\n`);
}

const quote = (text) => (/[\n\r\t]/.test(text) ? JSON.stringify(text) : `'${text.replaceAll("'", "''")}'`);
const listed = (names) =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** What the rules do, as a sentence. */
function sentence({ map, keys, lines }) {
  const names = keys.map((key) => switches.rules.get(key).name);
  const short = (name) => name.replace(/^v2\./, '');
  if (names[0].includes(' creates ')) {
    const made = names.map((name) => short(name.split(' creates ')[1]));
    return `${short(map.name)} makes ${listed([...new Set(made)])} of ${sources(lines)}`;
  }
  const elements = [
    ...new Set(names.map((name) => name.slice(name.indexOf('/') + 1).replace(/\[\d+\]$/, ''))),
  ];
  return `${sources(lines)} gives ${short(names[0].split('/')[0])} its ${listed(elements)} (${short(map.name)})`;
}

/** The fields that are left in a message, or their segments when there are many. */
function sources(lines) {
  const fields = lines.slice(1).flatMap((line) =>
    line.split('|').flatMap((text, field) => {
      const isIdentity = line.startsWith('PID|') && field === 3;
      return field === 0 || text === '' || isIdentity ? [] : [`${line.slice(0, 3)}-${field}`];
    }),
  );
  const segments = lines.slice(1).map((line) => line.slice(0, 3));
  const named = fields.length > 0 && fields.length < 4 ? fields : segments;
  return listed([...new Set(named.length > 0 ? named : ['MSH'])]);
}

function draft(one) {
  const values = new Map();
  const counts = new Map();
  for (const key of one.keys) {
    const { path, wanted } = one.shown.shown(key) ?? {};
    // Ids are hashes of keys, which are no business of these rules.
    const plain = wanted?.map((text) =>
      path.endsWith('.reference') ? text.replace(/\/[0-9a-f]{32}$/, '/*') : text,
    );
    if (path !== undefined) values.set(path, plain);
    else for (const { resourceType } of one.shown.trees) counts.set(resourceType, 0);
  }
  for (const { resourceType } of one.shown.trees)
    if (counts.has(resourceType)) counts.set(resourceType, counts.get(resourceType) + 1);
  const lines = [
    `  - name: ${quote(sentence(one))}`,
    '    message: |',
    ...one.lines.map((line) => `      ${line}`),
    '    expect:',
  ];
  if (counts.size > 0)
    lines.push(`      resources: { ${[...counts].map(([type, count]) => `${type}: ${count}`).join(', ')} }`);
  if (values.size > 0) lines.push('      values:');
  for (const [path, wanted] of values)
    lines.push(
      `        ${path}: ${wanted.length === 1 ? quote(wanted[0]) : `[${wanted.map(quote).join(', ')}]`}`,
    );
  return lines;
}

const files = new Map();
for (const one of found) {
  const { file } = switches.rules.get(one.keys[0]);
  files.set(file, [...(files.get(file) ?? []), one]);
}
for (const [source, drafts] of files) {
  const file = join(mappings, 'hl7v2/rules', `${basename(source, '.yaml')}.test.yaml`);
  const start = [
    '# yaml-language-server: $schema=../../schema/mapping-test.schema.json',
    '# Made-up messages: each pins what some rules do. See libs/mapping/generate/draft-rule-tests.mjs.',
    'tests:',
  ];
  const before = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : start;
  if (isDry) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${[...before, ...drafts.flatMap(draft)].join('\n')}\n`);
}
process.stderr.write(
  `${found.length} tests in ${files.size} files show ${openAtFirst - open.size} rules; ${open.size} are left\n`,
);
for (const [wrong, { map, lines }] of invalid) {
  const small = shrunk(lines, (tried) => mapped(map, tried)?.wrong === wrong);
  process.stdout.write(
    `${map.name} makes what is not valid R4: ${wrong}\n${small.map((line) => `    ${line}\n`).join('')}`,
  );
}
for (const key of open) {
  const { name, file, line } = switches.rules.get(key);
  const why =
    (idle.get(key) ?? 0) > 0
      ? `had an effect in ${idle.get(key)} messages and made no difference: another rule says the same`
      : 'had no effect in any message: its condition never held, or nothing made up reaches it';
  process.stdout.write(`${file}:${line}  ${name}  ${why}\n`);
}
