import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openCheckpoint, signCheckpoint } from './checkpoint.js';
import { openNote, signNote } from './note.js';
import { NoteSigner, NoteVerifier } from './note-keys.js';
import { decodeBundle, encodeBundle, tilePath, tileWidth } from './tiles.js';
import { formatTlogProof, parseTlogProof } from './tlog-proof.js';

const signer = NoteSigner.generate('log.example/suture', Buffer.alloc(32, 7));
const stranger = NoteSigner.generate('log.example/suture', Buffer.alloc(32, 8));
const root = Buffer.alloc(32, 1);

describe('tiles', () => {
  test('paths are those of C2SP tlog-tiles', () => {
    expect(tilePath(0, 1234067)).toBe('tile/0/x001/x234/067');
    expect(tilePath(2, 0, 1)).toBe('tile/2/000.p/1');
    expect(tilePath('entries', 1000, 255)).toBe('tile/entries/x001/000.p/255');
    expect(tilePath('entries', 999)).toBe('tile/entries/999');
  });

  test('a tree of 70,000 has the tiles that the specification counts', () => {
    const widths = (level: number, index: number) => tileWidth(level, index, 70_000);
    expect([widths(0, 272), widths(0, 273), widths(0, 274)]).toEqual([256, 112, 0]);
    expect([widths(1, 0), widths(1, 1), widths(2, 0), widths(3, 0)]).toEqual([256, 17, 1, 0]);
  });

  test('every bundle survives being written and read', () => {
    const entries = fc.array(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)));
    fc.assert(fc.property(entries, (list) => expect(decodeBundle(encodeBundle(list))).toEqual(list)));
  });

  test('a truncated bundle is no bundle, and an entry of 64 KiB does not fit', () => {
    expect(decodeBundle(Buffer.from('000361', 'hex'))).toBeUndefined();
    expect(decodeBundle(Buffer.from('00', 'hex'))).toBeUndefined();
    expect(() => encodeBundle([Buffer.alloc(65_536)])).toThrow(RangeError);
  });
});

describe('note keys', () => {
  test('keys survive being written and read', () => {
    expect(NoteSigner.parse(signer.secret())?.verifier.toString()).toBe(signer.verifier.toString());
    expect(NoteVerifier.parse(signer.verifier.toString())?.name).toBe('log.example/suture');
  });

  test('a key with another id, name, type or length is refused', () => {
    const text = signer.verifier.toString();
    for (const wrong of [
      text.replace('suture', 'other'),
      text.replace(/\+[0-9a-f]{8}\+/, '+00000000+'),
      text.slice(0, -4),
      text.replace(/\+A/, '+B'),
      signer.secret(),
      'name',
      '',
    ])
      expect(NoteVerifier.parse(wrong)).toBeUndefined();
    expect(NoteSigner.parse(text)).toBeUndefined();
  });

  test('a name with a space or a plus makes no key', () => {
    for (const name of ['', 'a b', 'a+b', 'a\nb', 'a\u00a0b'])
      expect(() => NoteSigner.generate(name)).toThrow();
  });
});

describe('signed notes', () => {
  const note = signNote('first\n\nlast\n', signer);

  test('a note opens with its key to exactly its text', () => {
    expect(openNote(note, [signer.verifier])).toMatchObject({ opened: true, text: 'first\n\nlast\n' });
  });

  test('further signatures of unknown keys do not disturb', () => {
    const line = signNote('first\n\nlast\n', stranger).split('\n').at(-2) ?? '';
    expect(openNote(`${note}${line}\n`, [signer.verifier])).toMatchObject({ opened: true });
  });

  test('a note is refused with the reason', () => {
    const reason = (text: string) => {
      const opened = openNote(text, [signer.verifier]);
      return opened.opened ? 'opened' : opened.reason;
    };
    expect(reason(note.replace('last', 'lost'))).toBe('bad-signature');
    expect(reason(signNote('text\n', stranger))).toBe('unknown-key');
    for (const malformed of [
      '',
      '\n\n',
      'text\n',
      note.slice(0, -1),
      note.replace('first', 'fi\trst'),
      note.replace('first', 'fi\ufffdrst'),
      note.replace('\u2014 ', '- '),
      note.replace(/=\n$/, '\n'),
      `${note}\n`,
      note + note.split('\n').slice(-2).join('\n').repeat(200),
    ])
      expect(reason(malformed)).toBe('malformed');
  });

  test('no altered byte of a note goes unnoticed', () => {
    const bytes = Buffer.from(note);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const altered = Buffer.from(bytes);
        altered.writeUInt8(altered.readUInt8(at) ^ change, at);
        expect(openNote(altered.toString('utf8'), [signer.verifier]).opened).toBe(false);
      }),
    );
  });
});

describe('checkpoints', () => {
  test('a checkpoint opens to what was signed', () => {
    const opened = openCheckpoint(signCheckpoint(42, root, signer), signer.verifier);
    expect(opened).toEqual({ opened: true, checkpoint: { origin: 'log.example/suture', size: 42, root } });
  });

  test('what is signed but no checkpoint of this log is malformed', () => {
    const hash = root.toString('base64');
    for (const text of [
      `other.example\n1\n${hash}\n`,
      `${signer.name}\n01\n${hash}\n`,
      `${signer.name}\n-1\n${hash}\n`,
      `${signer.name}\n9007199254740992\n${hash}\n`,
      `${signer.name}\n1\n${hash.slice(4)}\n`,
      `${signer.name}\n1\n`,
      `${signer.name}\n1\n${hash}\n\n`,
    ])
      expect(openCheckpoint(signNote(text, signer), signer.verifier)).toEqual({
        opened: false,
        reason: 'malformed',
      });
  });
});

describe('tlog-proof', () => {
  const checkpoint = signCheckpoint(3, root, signer);

  test('every proof survives being written and read', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.array(hash, { maxLength: 64 }), (index, hashes) => {
        const proof = { index, hashes, checkpoint };
        expect(parseTlogProof(formatTlogProof(proof))).toEqual(proof);
      }),
    );
  });

  test('the text is that of C2SP tlog-proof, and extra data is passed over', () => {
    const text = `c2sp.org/tlog-proof@v1\nindex 2\n${root.toString('base64')}\n\n${checkpoint}`;
    expect(formatTlogProof({ index: 2, hashes: [root], checkpoint })).toBe(text);
    expect(parseTlogProof(text.replace('index', 'extra AAEC\nindex'))?.index).toBe(2);
  });

  test('a malformed proof is refused', () => {
    const text = formatTlogProof({ index: 2, hashes: [root], checkpoint });
    for (const malformed of [
      '',
      text.replace('@v1', '@v2'),
      text.replace('index 2', 'index 02'),
      text.replace('index 2\n', ''),
      text.replace('AQE', 'AQ'),
      text.replace('index', 'extra ?\nindex'),
      text.replace(/\n\n[^]*/, ''),
    ])
      expect(parseTlogProof(malformed)).toBeUndefined();
  });
});
