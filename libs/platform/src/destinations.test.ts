import { describe, expect, test } from '@jest/globals';
import { type FileProblem, readChannel } from '#channel';
import { WebhookSigner } from '#connectors';
import { outboundOf, outcomeOf } from '../../connectors/testing/outbound.js';
import { ChannelCatalog } from './channel-catalog.js';
import { destinationsOf } from './destinations.js';

const never = new AbortController().signal;
const text = `channel: lab
source: { mllp: { listen: "127.0.0.1:0", accept: [ORU^R01] } }
transform: { mapping: hl7v2 }
destinations:
  web: { http: { url: "http://127.0.0.1:1/", sign: ward }, retry: { first_after: 3s, at_most_every: 1m, give_up_after: 7d } }
  server: { fhir: { url: "http://127.0.0.1:1/fhir", authorization: "file:/nowhere/token" } }
  peer: { mllp: { address: "127.0.0.1:1", connections: 5 } }
  safe: { mllp: { address: "127.0.0.1:1", tls: { ca: "file:/nowhere/ca.pem" } } }
  folder: { directory: { path: /nowhere/at/all } }
`;

describe('destinations of a channel file', () => {
  test('each kind is what its file says, ready to be sent to', async () => {
    const problems: FileProblem[] = [];
    const file = readChannel('lab.yaml', text, {}, problems);
    expect(problems).toEqual([]);
    if (file === undefined) return;
    const numbers = new Map(
      ['web', 'server', 'peer', 'safe', 'folder'].map((name, index) => [`lab.${name}`, index + 1]),
    );
    const catalog = new ChannelCatalog([{ id: 1, file }], [], numbers);
    const targets = destinationsOf(catalog, { origin: 'here', signer: new WebhookSigner(undefined) });
    expect(targets.map(({ id, destination, concurrency }) => [id, destination.name, concurrency])).toEqual([
      [1, 'lab.web', undefined],
      [2, 'lab.server', undefined],
      [3, 'lab.peer', 5],
      [4, 'lab.safe', 1],
      [5, 'lab.folder', undefined],
    ]);
    expect(targets[0]?.retry).toEqual({
      firstAfterMs: 3_000,
      atMostEveryMs: 60_000,
      giveUpAfterMs: 604_800_000,
    });
    expect(targets[2]?.retry).toEqual({
      firstAfterMs: 1_000,
      atMostEveryMs: 300_000,
      giveUpAfterMs: undefined,
    });
    const message = outboundOf([{ resourceType: 'Patient', id: 'p' }], {
      raw: Buffer.from('MSH|^~\\&|A|B|C|D|1||ORU^R01|1|P|2.5.1\r'),
    });
    const outcomes = await Promise.all(
      targets.map(({ destination }) => outcomeOf(destination.send(message, never))),
    );
    // Nobody is there, and no file: each says what is missing to it.
    expect(outcomes).toEqual([
      'misconfigured WEBHOOK_KEY_UNUSABLE',
      'misconfigured SECRET_UNREADABLE',
      'unavailable MLLP_RECEIVER_UNREACHABLE',
      'misconfigured MLLP_CLIENT_TLS_UNUSABLE',
      'misconfigured DIRECTORY_UNUSABLE',
    ]);
    for (const { destination } of targets) await destination.close();
  });
});
