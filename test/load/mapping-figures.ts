import { join } from 'node:path';
import { writeJson } from '#fhir';
import { parseMessage } from '#hl7v2';
import { loadMappings } from '#mapping';
import { repositoryRoot } from './bench-messages.js';
import type { Figure } from './figure.js';
import { mapOruByHand } from './hand-written-oru.js';
import type { MessageTemplate } from './message-templates.js';

const WARM_UP_SHARE = 0.25;

/** From bytes to JSON bytes on one core: the mapping files against a mapper of the same ORU written by hand. */
export function mappingFigures(templates: readonly MessageTemplate[], count: number): Figure[] {
  const results = templates.filter(({ make }) => make('M0').includes('ORU^R01'));
  const messages = Array.from({ length: count }, (_, n) => {
    const frame = results[n % results.length]?.make(`M${n}`) ?? Buffer.alloc(0);
    return frame.subarray(1, -2);
  });
  const map = loadMappings(join(repositoryRoot, 'mappings')).forMessage('ORU', 'R01');
  if (map === undefined) throw new Error('there is no valid mapping for ORU^R01: npm run suture -- validate');
  const byFilesFor = (tenantOf: (n: number) => string) =>
    perSecond(messages, (raw, n) => {
      const { resources } = map.run(parseMessage(raw), { tenant: tenantOf(n) });
      return Buffer.from(resources.map((mapped) => writeJson(mapped.resource)).join('\n'));
    });
  const byFiles = byFilesFor(() => 'bench');
  // What a tenant sends is never taken for what another one sent.
  const unseen = byFilesFor((n) => `bench-${n}`);
  const byHand = perSecond(messages, (raw) => mapOruByHand(raw, 'bench'));
  return [
    {
      name: 'baseline: ORU mapped by hand',
      value: byHand,
      unit: 'msg/s',
      note: 'one core, bytes to JSON bytes',
    },
    {
      name: 'ORU mapped by the mapping files',
      value: byFiles,
      unit: 'msg/s',
      note: `${(byFiles / byHand).toFixed(2)} of by hand; segments that came before are remembered`,
    },
    {
      name: 'ORU mapped by the mapping files, nothing seen before',
      value: unseen,
      unit: 'msg/s',
      note: `${(unseen / byHand).toFixed(2)} of by hand`,
    },
  ];
}

function perSecond(messages: readonly Buffer[], map: (raw: Buffer, n: number) => Buffer): number {
  const warmUp = Math.ceil(messages.length * WARM_UP_SHARE);
  messages.slice(0, warmUp).forEach((raw, n) => map(raw, -1 - n));
  let bytes = 0;
  const startMs = performance.now();
  messages.forEach((raw, n) => {
    bytes += map(raw, n).length;
  });
  const seconds = (performance.now() - startMs) / 1000;
  if (bytes === 0) throw new Error('the mapping made nothing');
  return messages.length / seconds;
}
