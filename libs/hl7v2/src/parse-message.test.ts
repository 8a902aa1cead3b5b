import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Message } from './message.js';
import { parseMessage } from './parse-message.js';

const msh = 'MSH|^~\\&|LAB|NORTH|HUB|CITY|20240305||ORU^R01^ORU_R01|CTL1|P|2.5.1';
const parse = (text: string) => parseMessage(Buffer.from(text, 'utf8'));
const parsed = (...lines: string[]) => parse([msh, ...lines].join('\r'));
const problems = (message: Message) => message.problems.map(({ code }) => code);

function leaves(message: Message): [string, string | null | undefined][] {
  const found: [string, string | null | undefined][] = [];
  message.eachLeaf((segment, field, repetition, component, subcomponent) => {
    const path = segment.path(field, repetition, component, subcomponent);
    found.push([path, segment.value(field, repetition, component, subcomponent)]);
  });
  return found;
}

function first(message: Message, name: string) {
  const segment = message.first(name);
  if (segment === undefined) throw new Error(`no ${name}`);
  return segment;
}

describe('reading values', () => {
  const pid = first(parsed('PID|1||77^^^N&1.2.3&ISO^MR~88^^^S||Nilsson&von^Karin^|""|^x|'), 'PID');

  test('fields, repetitions, components and subcomponents count from 1', () => {
    expect(pid.value(1)).toBe('1');
    expect(pid.value(3)).toBe('77');
    expect(pid.value(3, 1, 4)).toBe('N');
    expect(pid.value(3, 1, 4, 2)).toBe('1.2.3');
    expect(pid.value(3, 2)).toBe('88');
    expect(pid.value(3, 2, 4)).toBe('S');
    expect(pid.wholeText(3, 1)).toBe('77^^^N&1.2.3&ISO^MR');
    expect(pid.wholeText(3, 1, 4)).toBe('N&1.2.3&ISO');
    expect(pid.raw(3)).toBe('77^^^N&1.2.3&ISO^MR~88^^^S');
    expect([pid.repetitions(3), pid.components(3, 1), pid.subcomponents(3, 1, 4)]).toEqual([2, 5, 3]);
  });

  test('absent, empty and null are told apart', () => {
    expect([pid.value(2), pid.value(99), pid.value(5, 1, 3), pid.value(5, 2)]).toEqual(
      Array(4).fill(undefined),
    );
    expect(pid.value(6)).toBeNull();
    expect([pid.isNull(6), pid.isNull(5), pid.isNull(2)]).toEqual([true, false, false]);
    expect([pid.isValued(6), pid.isValued(2), pid.isValued(99)]).toEqual([true, false, false]);
    const bits = [6, 2].map((field) => (pid.valued & (1 << field)) !== 0);
    expect(bits).toEqual([true, false]);
    expect(pid.value(7)).toBeUndefined();
    expect(pid.value(7, 1, 2)).toBe('x');
    expect([pid.repetitions(2), pid.components(2), pid.fieldCount]).toEqual([0, 0, 8]);
  });

  test('MSH is numbered with its separator as MSH-1', () => {
    const header = first(parsed(), 'MSH');
    expect([header.value(1), header.value(2), header.value(3)]).toEqual(['|', '^~\\&', 'LAB']);
    expect([header.value(9, 1, 2), header.value(12), header.fieldCount]).toEqual(['R01', '2.5.1', 12]);
    expect([header.repetitions(2), header.raw(2)]).toEqual([1, '^~\\&']);
  });

  test('segments are found by name and counted by occurrence', () => {
    const message = parsed('OBX|1', 'NTE|1', 'OBX|2');
    expect(message.all('OBX').map(({ occurrence }) => occurrence)).toEqual([1, 2]);
    expect(message.segments.map(({ name }) => name)).toEqual(['MSH', 'OBX', 'NTE', 'OBX']);
    expect(message.first('ZZZ')).toBeUndefined();
  });

  test('other separators work, and undeclared ones do not divide', () => {
    const message = parse(`${msh}\rPID|a^b&c`.replaceAll('|', '#').replaceAll('^', '*'));
    expect(first(message, 'PID').value(1, 1, 2, 2)).toBe('c');
    const short = parse('MSH|^|LAB||||||ORU^R01|1|P|2.5\rPID|a~b&c\\T\\');
    expect(first(short, 'PID').value(1)).toBe('a~b&c\\T\\');
  });
});

describe('leaves', () => {
  test('every value is visited once, in order, with a path that leads back to it', () => {
    const message = parsed('PID|1||77^^^N&1.2~88||""', 'OBX|1|NM||x^~y', 'OBX||');
    const found = leaves(message).filter(([path]) => !path.startsWith('MSH'));
    expect(found).toEqual([
      ['PID[1]-1[1]', '1'],
      ['PID[1]-3[1].1', '77'],
      ['PID[1]-3[1].4.1', 'N'],
      ['PID[1]-3[1].4.2', '1.2'],
      ['PID[1]-3[2]', '88'],
      ['PID[1]-5[1]', null],
      ['OBX[1]-1[1]', '1'],
      ['OBX[1]-2[1]', 'NM'],
      ['OBX[1]-4[1].1', 'x'],
      ['OBX[1]-4[2]', 'y'],
    ]);
  });

  test('a place in the text leads to its path', () => {
    const message = parsed('PID|1||77^^^N&1.2');
    expect(message.pathAt(message.text.indexOf('1.2', msh.length))).toBe('PID[1]-3[1].4.2');
    expect(message.pathAt(message.text.indexOf('77') + 2)).toBeUndefined();
  });

  test('nothing is lost: what is built is what the leaves give back', () => {
    const value = fc.stringMatching(/^[A-Za-z0-9 ]{0,6}$/);
    const part = <T>(unit: fc.Arbitrary<T>) => fc.array(unit, { minLength: 1, maxLength: 3 });
    const segments = fc.array(part(part(part(part(value)))), { maxLength: 5 });
    fc.assert(
      fc.property(segments, fc.constantFrom('\r', '\n', '\r\n'), (given, end) => {
        const lines = given.map((fields) =>
          [
            'ZZZ',
            ...fields.map((reps) => reps.map((c) => c.map((s) => s.join('&')).join('^')).join('~')),
          ].join('|'),
        );
        const message = parse([msh, ...lines].join(end));
        const expected = given.flat(4).filter((leaf) => leaf !== '');
        const found = leaves(message).filter(([path]) => path.startsWith('ZZZ'));
        expect(found.map(([, leaf]) => leaf)).toEqual(expected);
        expect(new Set(found.map(([path]) => path)).size).toBe(found.length);
      }),
    );
  });
});

describe('escapes', () => {
  const escaped = (text: string) => {
    const message = parsed(`NTE|1||${text}`);
    return { text: first(message, 'NTE').value(3), problems: problems(message) };
  };

  test.each([
    ['a \\F\\ b \\S\\ c \\T\\ d \\R\\ e \\E\\', 'a | b ^ c & d ~ e \\'],
    ['one\\.br\\two\\.sp2\\three\\.in+4\\\\H\\bold\\N\\', 'one\ntwo\n\nthreebold'],
    ['Ren\\XC3A9\\e', 'Renée'],
    ['Ren\\XC3\\\\XA9\\e', 'Renée'],
    ['a\\X0D0A\\b', 'a\r\nb'],
    ['\\P\\', '#'],
  ])('%s', (given, text) => expect(escaped(given)).toEqual({ text, problems: [] }));

  test.each([
    ['keep \\Zfoo\\ and \\Q\\ it'],
    ['C:\\temp\\x'],
    ['50\\ off'],
    ['\\XZZ\\'],
    ['\\X1\\'],
    ['\\\\'],
  ])('%s is unknown: kept as it is, and reported', (given) => {
    const { text, problems: found } = escaped(given);
    expect(text).toBe(given);
    expect(new Set(found)).toEqual(new Set(['ESCAPE_UNKNOWN']));
  });

  test('a stray escape character does not spoil a real sequence after it', () => {
    expect(escaped('50\\ off \\F\\ x').text).toBe('50\\ off | x');
  });

  test('hex bytes are read in the set of the message', () => {
    const raw = Buffer.from(`${msh}||||||8859/1\rNTE|1||Z\xfcrich Ren\\XE9\\e`, 'latin1');
    expect(first(parseMessage(raw), 'NTE').value(3)).toBe('Zürich Renée');
  });

  test('the truncation character is the one of MSH-2', () => {
    const message = parse(`${msh.replace('^~\\&', '^~\\&!')}\rNTE|1||\\P\\`);
    expect(first(message, 'NTE').value(3)).toBe('!');
  });
});

describe('ends of lines and odd segments', () => {
  test.each([
    ['CR', '\r'],
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['blank lines', '\r\r\r'],
  ])('segments may end with %s, the last one with nothing', (_, end) => {
    const message = parse([msh, 'PID|1', 'OBX|1||x'].join(end));
    expect(message.segments.map(({ name }) => name)).toEqual(['MSH', 'PID', 'OBX']);
    expect(first(message, 'OBX').value(3)).toBe('x');
    expect(message.problems).toEqual([]);
  });

  test('a line feed inside a value of a message that ends segments with CR is data, and reported', () => {
    const message = parse(`${msh}\rNTE|1||first\nsecond\rNTE|2||x\nOBX|1`);
    expect(first(message, 'NTE').value(3)).toBe('first\nsecond');
    expect(message.segments.map(({ name }) => name)).toEqual(['MSH', 'NTE', 'NTE', 'OBX']);
    expect(problems(message)).toEqual(['LINE_FEED_IN_FIELD']);
  });

  test('lower-case names are raised, invalid ones reported, nothing is thrown away', () => {
    const message = parsed('pid|1', 'GARBAGE|x|y', '12|z', 'OBX1|q');
    expect(message.segments.map(({ name }) => name)).toEqual(['MSH', 'PID', '???', '???', '???']);
    expect(problems(message)).toEqual([
      'SEGMENT_NAME_CASE',
      'SEGMENT_NAME_INVALID',
      'SEGMENT_NAME_INVALID',
      'SEGMENT_NAME_INVALID',
    ]);
    const [one] = message.all('???');
    expect([one?.value(1), one?.value(2), one?.value(3), one?.fieldCount]).toEqual(['GARBAGE', 'x', 'y', 3]);
  });

  test('continuation segments are kept and reported', () => {
    expect(problems(parsed('OBR|1', 'ADD|el', 'DSC|p'))).toEqual([
      'CONTINUATION_SEGMENT',
      'CONTINUATION_SEGMENT',
    ]);
  });

  test('what has no header to parse by is refused', () => {
    expect(() => parse('PID|1')).toThrow(
      expect.objectContaining({ kind: 'rejected', code: 'HL7_MSH_MISSING' }),
    );
    expect(() => parse('MSH|^^^^|')).toThrow(expect.objectContaining({ code: 'HL7_SEPARATORS_INVALID' }));
    expect(parse('MSH|^~\\&|LAB').header.defect?.code).toBe('HL7_MESSAGE_TYPE_MISSING');
  });

  test('arbitrary text after a header never throws', () => {
    const text = fc.string({
      unit: fc.constantFrom('|', '^', '~', '\\', '&', '\r', '\n', 'O', 'B', 'X', '1', ' ', '"'),
    });
    fc.assert(
      fc.property(text, (rest) => {
        const message = parse(`${msh}\r${rest}`);
        message.eachLeaf((segment, field, repetition, component, subcomponent, start, end) => {
          const place = segment.find(field, repetition, component, subcomponent);
          expect([place, message.foundEnd]).toEqual([start, end]);
        });
      }),
      { numRuns: 500 },
    );
  });
});

describe('hostile sizes are linear', () => {
  const timed = (text: string, walk: (message: Message) => void) => {
    const began = performance.now();
    walk(parse(text));
    return performance.now() - began;
  };

  test.each([
    ['repetitions', (size: number) => `PID|1||${'a~'.repeat(size)}`],
    ['components', (size: number) => `PID|1||${'a^'.repeat(size)}`],
    ['segments', (size: number) => 'OBX|1\r'.repeat(size)],
    ['segments without fields', (size: number) => `${'OBX\r'.repeat(size)}NTE|1`],
    ['names that are none', (size: number) => 'x|\r'.repeat(size)],
    ['fields', (size: number) => `OBX${'|a'.repeat(size)}`],
    ['escapes', (size: number) => `NTE|1||${'\\F\\'.repeat(size)}`],
    ['stray escapes', (size: number) => `NTE|1||${'\\ '.repeat(size)}`],
    ['line feeds', (size: number) => `NTE|1||x${'\n'.repeat(size)}y`],
  ])('200,000 %s', (_, make) => {
    const walk = (message: Message) => {
      for (const segment of message.segments) {
        for (let r = 1; r <= segment.repetitions(3); r++) segment.value(3, r);
      }
      message.eachLeaf(() => {});
    };
    timed(`${msh}\r${make(20_000)}`, walk);
    const small = timed(`${msh}\r${make(20_000)}`, walk);
    // Ten times the input; quadratic work would take a hundred times as long.
    expect(timed(`${msh}\r${make(200_000)}`, walk)).toBeLessThan(Math.max(40 * small, 400));
  });
});
