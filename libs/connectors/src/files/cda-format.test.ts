import { describe, expect, test } from '@jest/globals';
import type { FileFinding, FileUnit } from '#channel';
import { cdaFormat } from './cda-format.js';
import { fileFormats, formatOf } from './file-formats.js';

async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

async function unitsOf(unitMaxBytes: number, ...texts: string[]): Promise<(FileUnit | FileFinding)[]> {
  const units: (FileUnit | FileFinding)[] = [];
  for await (const unit of cdaFormat.split(pieces(...texts), unitMaxBytes)) units.push(unit);
  return units;
}

describe('a file with a document', () => {
  test.each([
    ['<ClinicalDocument/>', 'cda'],
    ['\uFEFF  <?xml version="1.0"?>', 'cda'],
    ['MSH|^~\\&|', 'hl7v2'],
  ])('is known by its beginning: %j is %s', (start, format) => {
    expect(formatOf(fileFormats('auto'), Buffer.from(start)).name).toBe(format);
  });

  test('in UTF-16 is known too', () => {
    expect(formatOf(fileFormats('auto'), Buffer.from('\uFEFF<a/>', 'utf16le')).name).toBe('cda');
  });

  test('is one unit, however it is cut', async () => {
    expect(await unitsOf(1_000, '<a>', 'b', '</a>')).toEqual([{ raw: Buffer.from('<a>b</a>'), line: 1 }]);
  });

  test('that is longer than a unit may be is cut, and says so', async () => {
    expect(await unitsOf(5, '<a>', 'bcd', '</a>')).toEqual([
      { raw: Buffer.from('<a>bc'), line: 1, unfit: 'the document is longer than 5 bytes' },
    ]);
  });

  test('that is no XML is refused', async () => {
    await expect(unitsOf(1_000, 'MSH|')).rejects.toThrow(/begin as XML/);
  });
});
