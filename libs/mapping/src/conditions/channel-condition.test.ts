import { describe, expect, test } from '@jest/globals';
import { parseDocument } from '#cda';
import { type CsvSource, plainSource } from '#csv';
import { messageOfRows, parseMessage } from '#hl7v2';
import type { Source } from '../source.js';
import { compileChannelCondition } from './channel-condition.js';

function layout(name: string, ...columns: string[]): CsvSource {
  const [plain] = plainSource.columns;
  return {
    ...plainSource,
    name,
    columns: columns.map((column) => ({ ...plain, name: column, headers: [], type: 'string' })),
  } as CsvSource;
}

const rowLayouts = [layout('csv.visits', 'PATIENT', 'sex', 'flag'), layout('csv.beds', 'sex', 'ward')];
const onlyMessages = { messages: true, documents: false, layouts: [] };
const onlyDocuments = { messages: false, documents: true, layouts: [] };
const onlyRows = { messages: false, documents: false, layouts: rowLayouts };
const everything = { messages: true, documents: true, layouts: rowLayouts };

const message = parseMessage(
  Buffer.from('MSH|^~\\&|A|B|C|D|20250101||ORU^R01^ORU_R01|1|T|2.5.1\rOBX|1|NM|GLU||5\rOBX|2|ST|NOTE||x\r'),
);
const rows = messageOfRows(
  'ROW',
  ['PATIENT', 'sex', 'flag'],
  [
    ['P1', '', 'A'],
    ['P1', 'F', ''],
  ],
);
const beds = messageOfRows('ROW', ['sex', 'ward'], [['M', 'W1']]);
const document = parseDocument(
  Buffer.from(`<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <id root="1.2.3" extension="D-1"/><code code="34133-9"/><confidentialityCode code="R"/><title>Test &amp; more</title>
  <languageCode nullFlavor="UNK"/>
  <recordTarget><patientRole><id root="1.2.9" extension="TEST"/><id root="1.2.8" extension="7"/></patientRole></recordTarget>
  <component><structuredBody>
    <component><section><templateId root="2.16.1"/><code code="48765-2"/><entry><act><value xsi:type="x:CD" code="A"/></act></entry></section></component>
    <component><section nullFlavor="NI"><templateId root="2.16.2"/><code code="10160-0"/></section></component>
  </structuredBody></component></ClinicalDocument>`),
);

function holds(text: string, takes: Parameters<typeof compileChannelCondition>[1], source: Source): boolean {
  const { holds: ask, problem } = compileChannelCondition(text, takes);
  expect(problem).toBeUndefined();
  return ask?.(source) ?? false;
}

describe('condition of a channel file', () => {
  test.each([
    ["MSH-11.1 == 'T'", true],
    ["MSH-11 != 'T'", false],
    ["MSH-9.2 in ['R01', 'R32'] and OBX-3 == 'NOTE'", true],
    ["not (MSH-4 == 'B') or PID valued", false],
    ['PV1 not valued', true],
    ['count(OBX) > 1', true],
    ['OBX-14 valued', false],
    ['ZZ1-2 valued', false],
  ])('of messages: %s is %s', (text, expected) => {
    expect(holds(text, onlyMessages, message)).toBe(expected);
  });

  test.each([
    ["sex == 'F'", true],
    ["PATIENT == 'P1'", true],
    ["sex valued and flag != 'X'", true],
    ["flag in ['X', 'Y']", false],
    ['count(sex) == 1', true],
  ])('of rows: %s is %s', (text, expected) => {
    expect(holds(text, onlyRows, rows)).toBe(expected);
  });

  test.each([
    ["code == '34133-9'", true],
    ["code/@code != '34133-9'", false],
    ["/ClinicalDocument/confidentialityCode in ['R', 'V']", true],
    ["title == 'Test & more'", true],
    ["id == '1.2.3|D-1'", true],
    ['languageCode valued', false],
    ["languageCode/@nullFlavor == 'UNK'", true],
    ["recordTarget/patientRole/id/@extension == 'TEST'", true],
    ["recordTarget/patientRole/id[@root=1.2.8]/@extension == 'TEST'", false],
    ['//section[template=2.16.1] valued', true],
    ['//section[@nullFlavor] not valued', false],
    ['count(//section) > 1', true],
    ['recordTarget valued and legalAuthenticator not valued', true],
    ["//value/@xsi:type == 'CD'", true],
  ])('of documents: %s is %s', (text, expected) => {
    expect(holds(text, onlyDocuments, document)).toBe(expected);
  });

  test('it holds of nothing that it does not speak of, whatever it denies', () => {
    const other = [
      ["MSH-11 != 'P'", [true, false, false, false]],
      ["./code != '1'", [false, true, false, false]],
      ["flag != 'X'", [false, false, true, false]],
      ["sex != 'X'", [false, false, true, true]],
    ] as const;
    for (const [text, expected] of other)
      expect([message, document, rows, beds].map((one) => holds(text, everything, one))).toEqual(expected);
  });
});

describe('a condition that does not fit the channel is told, with its place and a remedy', () => {
  test.each([
    ["MSH-11.1 = 'T'", onlyMessages, /character 10/, /./],
    ['MSH-11.1 ==', onlyMessages, /a value is missing.* character 12/, /./],
    ['', onlyMessages, /character 1$/, /./],
    ["MSH-11 | lower == 't'", onlyMessages, /only paths and 'text'.* character 10/, /compare what is there/],
    ["'a' == 'b'", onlyMessages, /reads nothing/, /write a path/],
    ['PID-99 valued', onlyMessages, /no version of HL7 v2 has a field PID-99, at character 1$/, /correct it/],
    ['QQQ valued', onlyMessages, /has a segment QQQ/, /begin with Z/],
    ['PID-3[type=MR] valued', onlyMessages, /named repetitions cannot be used/, /PID-3\[2\]/],
    ["code/@code == 'A'", onlyMessages, /code\/@code is of documents, and .* takes messages/, /MSH-11/],
    ["code == 'A'", onlyMessages, /'code' is a name of rows or documents/, /MSH-11/],
    [
      "not MSH-11 == 'T'",
      onlyDocuments,
      /MSH-11 is of messages of HL7 v2, .* takes documents, at character 5$/,
      /confidentialityCode/,
    ],
    ["ClinicalDocument/code == 'A'", onlyDocuments, /begin in ClinicalDocument/, /write \/ClinicalDocument/],
    ["code/@@ == 'A'", onlyDocuments, /character/, /./],
    ["sexx == 'F'", onlyRows, /csv.visits, csv.beds has no column 'sexx'/, /did you mean 'sex'/],
    ["QQQ == 'F'", onlyRows, /no column 'QQQ'/, /./],
    ["flag == 'X' and ward == 'W1'", onlyRows, /has all of the columns flag, ward/, /one filter for each/],
    ["PID-3 == 'F'", onlyRows, /takes rows/, /status == 'X'/],
    ["language == 'F'", everything, /no column 'language'/, /of documents write .\/language/],
    ["MSH-11 == 'T' or ./code == 'A'", everything, /nothing is both, at character 18$/, /a filter for each/],
  ])('%s', (text, takes, what, remedy) => {
    const { problem } = compileChannelCondition(text, takes);
    expect(problem?.message).toMatch(what);
    expect(problem?.remedy).toMatch(remedy);
  });
});
