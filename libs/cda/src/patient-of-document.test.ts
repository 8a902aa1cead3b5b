import { expect, test } from '@jest/globals';
import { patientOfDocument } from './patient-of-document.js';

test.each([
  ['<recordTarget><patientRole><id root="1.2" extension="A"/></patientRole></recordTarget>', '1.2|A'],
  ["<c:patientRole classCode='PAT'>\n<c:id extension='A' root='1.2'/>", '1.2|A'],
  ['<patientRole><id nullFlavor="UNK"/><id root="9"/></patientRole>', '9|'],
  ['<patientRole><id nullFlavor="UNK"/><patient><id root="8"/></patient></patientRole>', undefined],
  ['<id root="1.2" extension="document"/><patientRole><addr/></patientRole>', undefined],
  ['MSH|^~\\&|', undefined],
])('%s is about %s', (text, patient) => {
  expect(patientOfDocument(Buffer.from(text))).toBe(patient);
});

test('a document in UTF-16 is about the same', () => {
  const text = '\uFEFF<patientRole><id root="1.2" extension="A"/></patientRole>';
  expect(patientOfDocument(Buffer.from(text, 'utf16le'))).toBe('1.2|A');
});
