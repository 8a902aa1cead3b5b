import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  commitment,
  decodeLedgerEntry,
  digestOfMapping,
  encodeLedgerEntry,
  ledgerEntryHash,
  noPreviousEntry,
} from './ledger-entry.js';
import { packLine } from './pack-bytes.js';

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const anyEntry = fc.record({
  journalKind: fc.nat(3),
  state: fc.integer({ min: 1, max: 3 }),
  timeMs: fc.maxSafeNat(),
  position: fc.record({ lane: fc.nat(1023), partition: fc.nat(63), seq: fc.maxSafeNat() }),
  previous: hash,
  raw: hash,
  fhir: hash,
  mapping: hash,
});
const salt = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');

describe('ledger entry', () => {
  test('every entry survives being written and read', () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        const bytes = encodeLedgerEntry(entry);
        expect(bytes).toHaveLength(152);
        expect(decodeLedgerEntry(bytes)).toEqual(entry);
      }),
    );
  });

  test('the layout is the documented one', () => {
    const bytes = encodeLedgerEntry({
      journalKind: 0,
      state: 2,
      timeMs: 2 ** 40 + 7.9,
      position: { lane: 3, partition: 63, seq: 2 ** 33 + 5 },
      previous: noPreviousEntry,
      raw: Buffer.alloc(32, 1),
      fhir: Buffer.alloc(32, 2),
      mapping: Buffer.alloc(32, 3),
    });
    const head = '02010200' + '0000010000000007' + '0003' + '003f' + '0000000200000005';
    expect(bytes.toString('hex')).toBe(
      head + '00'.repeat(32) + '01'.repeat(32) + '02'.repeat(32) + '03'.repeat(32),
    );
  });

  test('the hash of an entry is its RFC 6962 leaf hash', () => {
    const emptyLeaf = '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d';
    expect(ledgerEntryHash(Buffer.alloc(0)).toString('hex')).toBe(emptyLeaf);
  });

  test('a commitment is an HMAC over its domain and the raw bytes, or the digests of the resources', () => {
    const bytes = Buffer.from('MSH|^~\\&|');
    const expected = createHmac('sha256', salt).update('suture-raw-v1\0MSH|^~\\&|').digest();
    expect(commitment.raw(salt, bytes)).toEqual(expected);
    const digests = ['{"a":1}', '{}'].map((text) => createHash('sha256').update(text).digest());
    const domain = Buffer.from('suture-fhir-v2\0');
    const byLines = createHmac('sha256', salt)
      .update(Buffer.concat([domain, ...digests]))
      .digest();
    expect(commitment.fhir(salt, ['{"a":1}', '{}'].map(packLine))).toEqual(byLines);
    expect(commitment.fhir(salt, [])).toEqual(createHmac('sha256', salt).update(domain).digest());
  });

  test('a salt of another length and a truncated entry are refused', () => {
    expect(() => commitment.raw(salt.subarray(1), Buffer.alloc(3))).toThrow('LEDGER_SALT_LENGTH');
    expect(() => decodeLedgerEntry(Buffer.alloc(151))).toThrow('LEDGER_ENTRY_MALFORMED');
  });

  test('another engine version makes another mapping digest', () => {
    expect(digestOfMapping('0.1.0', 'ab')).not.toEqual(digestOfMapping('0.1.1', 'ab'));
  });
});
