import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { outboundOf, outcomeOf } from '../../testing/outbound.js';
import { DirectoryDestination, type DirectoryDestinationOptions } from './directory-destination.js';

const patient = '{"resourceType":"Patient","id":"p1","name":[{"family":"Nov\u00e1kov\u00e1"}]}';
const result = '{"resourceType":"Observation","id":"o1","valueQuantity":{"value":1.50}}';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'suture-out-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const destination = (options: Partial<DirectoryDestinationOptions> = {}) =>
  new DirectoryDestination({ name: 'lab.ehr', path: folder, format: 'bundle', ...options });
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

describe('directory destination', () => {
  test('a message is a Bundle in a file whose name holds stream and number alone', async () => {
    expect(await outcomeOf(destination().send(outboundOf([patient, result])))).toBe('sent');
    expect(readdirSync(folder)).toEqual(['lab.ehr-07-000000000042.json']);
    expect(read('lab.ehr-07-000000000042.json')).toContain(`"resource":${result}`);
    expect(read('lab.ehr-07-000000000042.json')).toMatch(/^\{"resourceType":"Bundle","type":"collection"/);
    expect(statSync(join(folder, 'lab.ehr-07-000000000042.json')).mode & 0o007).toBe(0);
  });

  test('as NDJSON it is a resource a line, byte for byte', async () => {
    await destination({ format: 'ndjson' }).send(outboundOf([patient, result]));
    expect(read('lab.ehr-07-000000000042.ndjson')).toBe(`${patient}\n${result}\n`);
  });

  test.each([
    ['\u00ef\u00bb\u00bfMSH|^~\\&|A\rPID|1||\u00ff\u0000\r', 'hl7'],
    [' <ClinicalDocument/>', 'xml'],
    ['1,2,3', 'txt'],
    ['', 'txt'],
  ])('raw bytes stay as they came, and the ending says what they are: %j', async (text, ending) => {
    const raw = Buffer.from(text, 'latin1');
    await destination({ format: 'raw' }).send(outboundOf([patient], { raw }));
    expect(readFileSync(join(folder, `lab.ehr-07-000000000042.${ending}`))).toEqual(raw);
  });

  test('names sort by number', async () => {
    const one = destination();
    for (const number of [10, 9, 100]) await one.send(outboundOf([patient], { number }));
    expect(readdirSync(folder).map((name) => Number(/(\d+)\.json$/.exec(name)?.[1]))).toEqual([9, 10, 100]);
  });

  test('a number that is sent again replaces its file, and what a crash left half is not taken for one', async () => {
    writeFileSync(join(folder, '.lab.ehr-07-000000000042.json.tmp'), 'half of someth');
    const one = destination();
    await one.send(outboundOf([patient]));
    const first = read('lab.ehr-07-000000000042.json');
    await one.send(outboundOf([patient]));
    expect(readdirSync(folder)).toEqual(['lab.ehr-07-000000000042.json']);
    expect(read('lab.ehr-07-000000000042.json')).toBe(first);
  });

  test('a folder that is not there is not made, and is found when it is', async () => {
    rmSync(folder, { recursive: true });
    const one = destination();
    expect(await outcomeOf(one.send(outboundOf([patient])))).toBe('misconfigured DIRECTORY_UNUSABLE');
    writeFileSync(folder, 'a file where the folder should be');
    expect(await outcomeOf(one.send(outboundOf([patient])))).toBe('misconfigured DIRECTORY_UNUSABLE');
  });
});
