import { createRequire } from 'node:module';
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
