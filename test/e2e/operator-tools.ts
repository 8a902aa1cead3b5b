import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { formatPosition, parsePosition } from '#kernel';
import { TILE_WIDTH, tilePath, tileWidth } from '#merkle';
import { eventually } from './deployment.js';
import { result, SAMPLE_PATIENT } from './samples.js';
import type { Scene } from './scene.js';
import { suture } from './suture-command.js';

/** As much of `suture trace --json` as the tests look at. */
interface Traced {
  readonly message: {
    readonly position: string;
    readonly state: string;
    readonly acknowledged?: { readonly code: string };
    readonly outcome?: {
      readonly code?: string;
      readonly reason?: string;
      readonly resources: readonly { readonly type: string; readonly id: string }[];
    };
    readonly deliveries: readonly { readonly state: string; readonly to: string }[];
    readonly anchored?: { readonly index: number; readonly checkpoint?: { readonly size: number } };
    readonly replays: readonly string[];
  };
}

/** What `suture trace` says of the one message that `id` means. */
export async function trace(scene: Scene, id: string): Promise<Traced['message']> {
  const { code, lines, notes } = await scene.suture('trace', id);
  if (code !== 0) throw new Error(`trace ${id} ended with ${String(code)}: ${notes}`);
  return (lines[0] as Traced).message;
}

/** Trace, proof, verify and audit, each as the command that a person types. */
export function operatorToolsTell(scene: () => Scene): void {
  const ids = ['TOLD-0', 'TOLD-1', 'TOLD-2'] as const;
  beforeAll(async () => {
    for (const id of ids) await scene().sendResult('TOLD', id, result(id, 'TOLD'));
    await scene().settled();
  });

  test('trace shows every stage of a message, by control id, position, FHIR id and patient identifier', async () => {
    // Times of acknowledgments are noted a moment later, together.
    await eventually('the acknowledgment is noted', async () => {
      return (await trace(scene(), ids[0])).acknowledged !== undefined;
    });
    const told = await trace(scene(), ids[0]);
    expect(told).toMatchObject({
      state: 'transformed',
      acknowledged: { code: 'AA' },
      deliveries: [{ to: 'ward.ehr', state: 'sent' }],
      anchored: { checkpoint: { size: expect.any(Number) } },
    });
    const header = told.outcome?.resources.find(({ type }) => type === 'MessageHeader');
    expect(header).toBeDefined();
    expect((await trace(scene(), told.position)).position).toBe(told.position);
    expect((await trace(scene(), `MessageHeader/${header?.id ?? ''}`)).position).toBe(told.position);
    const { code, lines } = await scene().suture('trace', SAMPLE_PATIENT);
    expect([code, (lines[0] as { messages: unknown[] }).messages.length > 5]).toEqual([0, true]);
  });

  test('a proof is verified offline, and one byte more or less is not proven', async () => {
    const { directory, ledgerDirectory } = scene().engine.workspace;
    const file = join(directory, 'told.proof.json');
    const made = await scene().suture('proof', ids[0], '--out', file);
    expect([made.code, made.notes]).toEqual([0, '']);
    const key = join(ledgerDirectory, 'key.pub');
    // Nothing of the engine is in reach: another folder, no settings.
    const offline = await suture(['verify', file, '--key', key], {}, tmpdir());
    expect([offline.code, offline.lines[0]]).toMatchObject([0, { outcome: 'verified' }]);
    const proof = JSON.parse(readFileSync(file, 'utf8')) as { opening: { raw: string } };
    const raw = Buffer.from(proof.opening.raw, 'base64');
    raw.writeUInt8((raw.at(40) ?? 0) ^ 1, 40);
    const forged = { ...proof, opening: { ...proof.opening, raw: raw.toString('base64') } };
    writeFileSync(file, JSON.stringify(forged));
    const refused = await suture(['verify', file, '--key', key], {}, tmpdir());
    expect(refused.code).toBe(1);
  });

  test('audit finds a flipped byte of a message, of its FHIR output and of a tile, and names each message', async () => {
    const traced = await Promise.all(ids.map((id) => trace(scene(), id)));
    const [raw, fhir, leaf] = traced;
    if (raw === undefined || fhir === undefined || leaf?.anchored === undefined)
      throw new Error('not traced');
    expect(await findings(scene())).toEqual([]);
    const holder = await blockHolder(scene(), fhir.position);
    const flip = async () => {
      await flipStored(scene(), 'journal', 'raw', raw.position);
      await flipStored(scene(), 'pack', 'bytes', holder);
      await flipLeaf(scene(), leaf.anchored?.index ?? 0);
    };
    await flip();
    const found = await findings(scene());
    await flip();
    expect(found).toContainEqual(expect.objectContaining({ code: 'RAW_CHANGED', named: raw.position }));
    expect(found).toContainEqual(expect.objectContaining({ code: 'FHIR_CHANGED', named: holder }));
    expect(found).toContainEqual(expect.objectContaining({ code: 'TILE_CHANGED', named: leaf.position }));
    expect(await findings(scene())).toEqual([]);
  });
}

interface Place {
  readonly lane: number;
  readonly partition: number;
  readonly seq: number;
}

interface Finding {
  readonly code: string;
  readonly message?: Place;
  readonly messages?: readonly [Place?, Place?];
}

/** What the audit finds, each with the first message that it names. */
export async function findings(scene: Scene): Promise<{ code: string; named: string }[]> {
  const { code, lines, notes } = await scene.suture('audit');
  const report = lines[0] as { sound: boolean; findings: Finding[] } | undefined;
  if (report === undefined || code !== (report.sound ? 0 : 1))
    throw new Error(`audit: ${String(code)} ${notes}`);
  return report.findings.map(({ code: what, message, messages }) => {
    const place = message ?? messages?.[0];
    return { code: what, named: place ? `${place.lane}-${place.partition}-${place.seq}` : '' };
  });
}

/** The message whose row holds the block in which the FHIR output of the one at `position` lies: its own, or one of the same patient. */
async function blockHolder(scene: Scene, position: string): Promise<string> {
  const at = parsePosition(position);
  const [row] = await scene.engine.database.query<{ block: number }>(
    'SELECT block FROM folded_pack WHERE lane = $1 AND partition = $2 AND seq = $3',
    [at?.lane, at?.partition, at?.seq],
  );
  if (at === undefined || row === undefined) throw new Error(`nothing is stored at ${position}`);
  return formatPosition({ ...at, seq: row.block });
}

async function flipStored(scene: Scene, table: string, column: string, position: string): Promise<void> {
  const at = parsePosition(position);
  if (at === undefined) throw new Error(`no position: ${position}`);
  await scene.engine.database.query(
    `UPDATE ${table} SET ${column} = set_byte(${column}, 40, get_byte(${column}, 40) # 1)
     WHERE lane = $1 AND partition = $2 AND seq = $3`,
    [at.lane, at.partition, at.seq],
  );
}

/** Flips a byte of the leaf's hash in the widest tile that holds it. */
async function flipLeaf(scene: Scene, leaf: number): Promise<void> {
  const { ledgerDirectory } = scene.engine.workspace;
  const checkpoint = readFileSync(join(ledgerDirectory, 'checkpoint'), 'utf8');
  const size = Number(checkpoint.split('\n')[1]);
  const index = Math.floor(leaf / TILE_WIDTH);
  const path = join(ledgerDirectory, tilePath(0, index, tileWidth(0, index, size)));
  const tile = readFileSync(path);
  const at = (leaf % TILE_WIDTH) * 32;
  tile.writeUInt8((tile.at(at) ?? 0) ^ 1, at);
  writeFileSync(path, tile);
  return Promise.resolve();
}
