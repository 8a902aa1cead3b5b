import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CdaDocument, parseDocument, type XmlElement } from '#cda';
import { parseValue } from '../language/parse-expression.js';
import { parseXmlPath, type XmlStep } from '../language/xml-path.js';
import { xmlWalk } from './xml-select.js';

const document = parseDocument(
  Buffer.from(`<act classCode="ACT" n="0">
    <templateId root="1.2.3" extension="2015"/><templateId root="1.2.4"/>
    <code code="A" n="1"/>
    <entry typeCode="SUBJ" n="2"><observation n="3"><code code="B" n="4"/><value n="5">x</value></observation></entry>
    <entry n="6"><observation n="7"><code code="C" n="8"/><entry n="9"><act n="10"/></entry></observation></entry>
  </act>`),
);

/** The `n` of what a path leads to, from the root or another element. */
function found(path: string, from: XmlElement = document.root, of: CdaDocument = document): string[] {
  const list: string[] = [];
  xmlWalk(parseXmlPath(path, 0))(of, from, (element, attribute) => {
    list.push(attribute ? `@${of.value(attribute)}` : (of.attribute(element, 'n') ?? '?'));
    return false;
  });
  return list;
}

describe('a path through a document', () => {
  test.each([
    ['code', ['1']],
    ['entry/observation/code', ['4', '8']],
    ['entry[2]/observation', ['7']],
    ['entry[@typeCode=SUBJ]', ['2']],
    ['entry[@typeCode!=SUBJ]', ['6']],
    ['entry[not @typeCode]', ['6']],
    ['entry[observation/code=B,Z]', ['2']],
    ['entry[observation[code=C]/entry]', ['6']],
    ['entry/observation[value]/code/@code', ['@B']],
    ['.//code', ['1', '4', '8']],
    ['//code', ['1', '4', '8']],
    ['/act/code', ['1']],
    ['//act', ['0', '10']],
    ['.[template=1.2.4]', ['0']],
    ['.[template=1.2.*]/code', ['1']],
    ['.[template!=1.2.3]', []],
    ['*', ['?', '?', '1', '2', '6']],
    ['@*', ['@ACT', '@0']],
    ['entry//@code', ['@B', '@C']],
    ['entry/..', ['0', '0']],
  ])('%s', (path, wanted) => {
    expect(found(path)).toEqual(wanted);
  });

  test('goes to the nearest element around of a name', () => {
    const inner = document.root.childrenNamed('entry')[1]?.child('observation')?.child('entry')?.child('act');
    expect(found('ancestor::entry', inner)).toEqual(['9']);
    expect(found('ancestor::act/code', inner)).toEqual(['1']);
    expect(found('ancestor::section', inner)).toEqual([]);
  });

  test.each(['a//', 'a[', 'a[]', '@a/b', 'a b', 'a[x==1]', './/a[2]', ''])('%j is none', (path) => {
    expect(() => {
      if (parseXmlPath(path, 0).length === 0) throw new Error('nothing');
    }).toThrow();
  });

  test.each([
    'code/@code',
    './@negationInd',
    'a[b[c=1]]/d',
    '//x',
    'ancestor::section/code',
    'sdtc:raceCode/@code',
    '*/a',
  ])('%s is one path of an expression', (path) => {
    expect(parseValue(path)).toMatchObject({ kind: 'path', name: path });
  });
});

/** The plainest way to do the same. */
function naive(of: CdaDocument, steps: readonly XmlStep[], from: XmlElement): XmlElement[] {
  const [step, ...rest] = steps;
  if (!step) return [from];
  const inside = (element: XmlElement): XmlElement[] => {
    const list: XmlElement[] = [];
    for (let one = element.first; one; one = one.next) if (one.kind === 'element') list.push(one);
    return list;
  };
  const below = (element: XmlElement): XmlElement[] => inside(element).flatMap((one) => [one, ...below(one)]);
  const all = {
    child: inside,
    descendant: below,
    self: (one: XmlElement) => [one],
    parent: (one: XmlElement) => (one.parent ? [one.parent] : []),
  };
  const candidates = all[step.axis as keyof typeof all](from).filter(
    (one) => step.name === '' || step.name === '*' || one.name === step.name,
  );
  const kept = step.predicates.reduce<XmlElement[]>((list, one) => {
    if (one.kind === 'index') return list.slice(one.index - 1, one.index);
    return list.filter((element) => naive(of, one.steps, element).length > 0 !== one.negated);
  }, candidates);
  return kept.flatMap((element) => naive(of, rest, element));
}

describe('any path in any document', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const { element } = fc.letrec<{ element: string }>((tie) => ({
    element: fc.oneof(
      { maxDepth: 4 },
      name.map((tag) => `<${tag}/>`),
      fc
        .tuple(name, fc.array(tie('element'), { minLength: 1, maxLength: 4 }))
        .map(([tag, inside]) => `<${tag}>${inside.join('')}</${tag}>`),
    ),
  }));
  const predicate = fc.oneof(
    fc.constantFrom('[1]', '[2]'),
    name.map((one) => `[${one}]`),
    name.map((one) => `[not ${one}]`),
  );
  const step = fc
    .tuple(fc.oneof(name, fc.constantFrom('*', '..')), fc.array(predicate, { maxLength: 2 }))
    .map(([one, tests]) => (one === '..' ? one : one + tests.join('')));
  const path = fc.array(step, { minLength: 1, maxLength: 4 }).map((steps) => steps.join('/'));

  test('leads to what the plainest way leads to, in the same order', () => {
    fc.assert(
      fc.property(element, path, fc.boolean(), (text, steps, deep) => {
        const of = parseDocument(Buffer.from(text));
        fc.pre(!deep || !/^[^/]*\[\d/.test(steps));
        const parsed = parseXmlPath(deep ? `.//${steps}` : steps, 0);
        const list: XmlElement[] = [];
        xmlWalk(parsed)(of, of.root, (one) => {
          list.push(one);
          return false;
        });
        expect(list.map(({ index }) => index)).toEqual(naive(of, parsed, of.root).map(({ index }) => index));
      }),
      { seed: 20_265, numRuns: 1_000 },
    );
  });
});
