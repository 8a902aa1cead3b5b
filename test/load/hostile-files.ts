import { zipOf } from '../../libs/connectors/testing/file-journal.js';

/** A file that somebody sends to do harm, or that happens to. */
export interface HostileFile {
  readonly name: string;
  readonly what: string;
  readonly content: () => Buffer;
}

const million = 1_000_000;
const mebibyte = 1024 ** 2;
const header = 'patient_id,test,result,collected\n';

/** XML that grows when its entities are put in: 10^10 characters out of some 900. */
function entityBomb(): Buffer {
  const entities = Array.from({ length: 9 }, (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`);
  return Buffer.from(
    `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "0123456789">${entities.join('')}]><ClinicalDocument xmlns="urn:hl7-org:v3">&e9;</ClinicalDocument>`,
  );
}

function document(inside: string): Buffer {
  return Buffer.from(`<ClinicalDocument xmlns="urn:hl7-org:v3">${inside}</ClinicalDocument>`);
}

/** Rows of which every second is in another encoding. */
function mixedEncodings(): Buffer {
  const rows = [Buffer.from('1,Müller,5,2026-01-02\n'), Buffer.from('2,M\xfcller,5,2026-01-02\n', 'latin1')];
  return Buffer.concat([
    Buffer.from(header),
    ...Array.from({ length: 2_000 }, (_, i) => rows[i % 2] as Buffer),
  ]);
}

function zipOfZeros(): Buffer {
  return zipOf([{ name: 'zeros.csv', content: Buffer.alloc(512 * mebibyte) }]);
}

/** What the issue of hostile input is about, in files. */
export const hostileFiles: readonly HostileFile[] = [
  { name: 'entities.xml', what: 'entity bomb', content: entityBomb },
  {
    name: 'external.xml',
    what: 'external entity',
    content: () =>
      Buffer.from(
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><ClinicalDocument>&b;</ClinicalDocument>',
      ),
  },
  {
    name: 'deep.xml',
    what: '100,000 levels',
    content: () => document('<component>'.repeat(100_000) + '</component>'.repeat(100_000)),
  },
  {
    name: 'attributes.xml',
    what: '10 million attributes of one element',
    content: () => document(`<id ${Array.from({ length: 10 * million }, (_, i) => `a${i}=""`).join(' ')}/>`),
  },
  {
    name: 'attributes-within.xml',
    what: '16 MB of attributes of one element',
    content: () => document(`<id ${Array.from({ length: 1.2 * million }, (_, i) => `a${i}=""`).join(' ')}/>`),
  },
  {
    name: 'elements-within.xml',
    what: '16 MB of elements',
    content: () => document('<id a=""/>'.repeat(1.6 * million)),
  },
  {
    name: 'quotes.csv',
    what: '10 million quotes that are never closed',
    content: () => Buffer.from(`${header}${'"\n'.repeat(10 * million)}`),
  },
  {
    name: 'columns.csv',
    what: '1 million columns',
    content: () => Buffer.from(`${'a,'.repeat(million)}\n${'1,'.repeat(million)}\n`),
  },
  {
    name: 'line.csv',
    what: 'a line of 100 MB',
    content: () => Buffer.from(`${header}${'1'.repeat(100 * million)}\n`),
  },
  { name: 'encodings.csv', what: 'two encodings in one file', content: mixedEncodings },
  { name: 'ratio.zip', what: 'zip of 512 MB of zeros', content: zipOfZeros },
  {
    name: 'names.zip',
    what: 'zip of 60,000 files',
    content: () =>
      zipOf(Array.from({ length: 60_000 }, (_, i) => ({ name: `${i}.hl7`, content: Buffer.from('x') }))),
  },
  {
    name: 'path.zip',
    what: 'zip with a name that leads out',
    content: () => zipOf([{ name: '../../out.hl7', content: Buffer.from('MSH|') }]),
  },
  {
    name: 'nested.zip',
    what: 'zip in a zip',
    content: () =>
      zipOf([{ name: 'in.zip', content: zipOf([{ name: 'a.hl7', content: Buffer.from('MSH|') }]) }]),
  },
  {
    name: 'repetitions.hl7',
    what: 'a message of 3 million repetitions',
    content: () =>
      Buffer.from(`MSH|^~\\&|A|B|C|D|20260101||ORU^R01|R1|P|2.5.1\rPID|1||${'~'.repeat(3 * million)}\r`),
  },
  {
    name: 'segment.hl7',
    what: 'a segment of 100 MB',
    content: () =>
      Buffer.from(`MSH|^~\\&|A|B|C|D|20260101||ORU^R01|R2|P|2.5.1\rNTE|1||${'x'.repeat(100 * million)}\r`),
  },
];
