import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import type { FileProblem } from '#declaration';
import { channelSchema } from './channel-file.js';
import { loadChannels, readChannel } from './load-channels.js';

const GOOD = `channel: lab
source:
  mllp:
    listen: 127.0.0.1:\${PORT:-2575}
    accept: [ORU^R01, ADT^*]
    frame_max: 4MiB
    idle_timeout: 5m
filter:
  - { drop_when: "MSH-11.1 == 'T'", reason: a test message }
transform: { mapping: hl7v2, with: { time_zone: Europe/Vienna } }
routes:
  - to: ehr
    types: [Observation]
destinations:
  ehr: { http: { url: http://127.0.0.1:9/fhir }, retry: { first_after: 2s } }
`;

function problemsOf(text: string, environment: Record<string, string> = {}): FileProblem[] {
  const problems: FileProblem[] = [];
  expect(readChannel('lab.yaml', text, environment, problems)).toBeUndefined();
  return problems;
}

describe('channel file', () => {
  test('a good file is read with units resolved', () => {
    const problems: FileProblem[] = [];
    const channel = readChannel('lab.yaml', GOOD, { PORT: '4000' }, problems);
    expect(problems).toEqual([]);
    expect(channel?.source.mllp).toMatchObject({
      listen: { host: '127.0.0.1', port: 4000 },
      frame_max: 4194304,
    });
    expect(channel?.source.mllp?.idle_timeout).toBe(300_000);
    expect(channel?.destinations?.get('ehr')?.retry?.first_after).toBe(2000);
  });

  test.each([
    ['an unknown key', GOOD.replace('frame_max', 'frame_maximum'), 'CHANNEL_KEY_UNKNOWN', 6, 5],
    ['a size without unit', GOOD.replace('4MiB', '4'), 'CHANNEL_VALUE_WRONG', 6, 16],
    ['a missing key', GOOD.replace('    accept: [ORU^R01, ADT^*]\n', ''), 'CHANNEL_KEY_MISSING', 4, 5],
    ['a route to nowhere', GOOD.replace('to: ehr', 'to: her'), 'CHANNEL_ROUTE_UNKNOWN', 12, 9],
    ['a key that stands twice', `${GOOD}channel: again\n`, 'CHANNEL_YAML_MALFORMED', 16, 1],
    [
      'the first of many mistakes in YAML',
      GOOD.replace('channel: lab', 'channel: [lab').replace('routes:', 'routes: }'),
      'CHANNEL_YAML_MALFORMED',
      2,
      1,
    ],
    ['a variable without value', GOOD.replace(':-2575', ''), 'CHANNEL_VARIABLE_UNSET', 4, 13],
    ['an empty file', '', 'CHANNEL_FILE_EMPTY', 1, 1],
    [
      'a destination of two kinds',
      GOOD.replace(
        'http: { url: http://127.0.0.1:9/fhir }',
        'http: { url: "http://a" }, directory: { path: x }',
      ),
      'CHANNEL_VALUE_WRONG',
      15,
      8,
    ],
    [
      'a destination of no kind',
      GOOD.replace('http: { url: http://127.0.0.1:9/fhir }, ', ''),
      'CHANNEL_VALUE_WRONG',
      15,
      8,
    ],
    [
      'a FHIR server with two authorizations',
      GOOD.replace(
        'http: { url: http://127.0.0.1:9/fhir }',
        'fhir: { url: "http://a", authorization: "file:a", smart: { token_url: "http://a", client: c, key: "file:k", scope: s } }',
      ),
      'CHANNEL_VALUE_WRONG',
      15,
      16,
    ],
    [
      'identifiers of what is no resource type',
      GOOD.replace(
        'http: { url: http://127.0.0.1:9/fhir }',
        'fhir: { url: "http://a", identifiers: { patient: "urn:a" } }',
      ),
      'CHANNEL_NAME_WRONG',
      15,
      50,
    ],
    [
      'an MLLP receiver without a port',
      GOOD.replace('http: { url: http://127.0.0.1:9/fhir }', 'mllp: { address: "ehr" }'),
      'CHANNEL_VALUE_WRONG',
      15,
      27,
    ],
    [
      'documents that are routed to an MLLP receiver',
      GOOD.replace('ADT^*', 'CDA').replace(
        'http: { url: http://127.0.0.1:9/fhir }',
        'mllp: { address: "ehr:2575" }',
      ),
      'CHANNEL_ROUTE_UNFIT',
      12,
      9,
    ],
  ])('%s is named with line, column and remedy', (_, text, code, line, column) => {
    const [problem, ...others] = problemsOf(text);
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ file: 'lab.yaml', code, line, column });
    expect(problem?.remedy).not.toBe('');
  });

  test('every kind of destination is read with its defaults left open', () => {
    const kinds = `
  a: { http: { url: http://a/, sign: ward } }
  b: { fhir: { url: http://b/fhir, mode: update, identifiers: { Patient: 'urn:mrn' }, without: [Provenance] } }
  c: { mllp: { address: 'ehr.example:2575', tls: {}, character_set: utf-8, connections: 4, timeout: 5s } }
  d: { directory: { path: /srv/out, format: ndjson } }
`;
    const problems: FileProblem[] = [];
    const text = `${GOOD.slice(0, GOOD.indexOf('routes:'))}destinations:${kinds}`;
    const channel = readChannel('lab.yaml', text, {}, problems);
    expect(problems).toEqual([]);
    expect(Object.fromEntries(channel?.destinations ?? [])).toEqual({
      a: { http: { url: 'http://a/', sign: 'ward' } },
      b: {
        fhir: {
          url: 'http://b/fhir',
          mode: 'update',
          identifiers: new Map([['Patient', 'urn:mrn']]),
          without: ['Provenance'],
        },
      },
      c: {
        mllp: {
          address: { host: 'ehr.example', port: 2575 },
          tls: {},
          character_set: 'utf-8',
          connections: 4,
          timeout: 5_000,
        },
      },
      d: { directory: { path: '/srv/out', format: 'ndjson' } },
    });
  });

  test('the channels that ship, and the examples beside them, are good', async () => {
    for (const folder of ['channels', 'channels/examples']) {
      const path = fileURLToPath(new URL(`../../../mappings/${folder}`, import.meta.url));
      const { channels, problems } = await loadChannels(path, {});
      expect(problems).toEqual([]);
      expect(channels.length).toBeGreaterThan(0);
    }
  });

  test('the schema that editors read is what the loader accepts (UPDATE_SCHEMA=1 writes it)', () => {
    const place = new URL('../../../mappings/schema/channel.schema.json', import.meta.url);
    const text = `${JSON.stringify(channelSchema(), null, 2)}\n`;
    if (process.env['UPDATE_SCHEMA'] === '1') writeFileSync(place, text);
    expect(readFileSync(place, 'utf8')).toBe(text);
  });
});
