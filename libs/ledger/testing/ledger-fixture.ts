import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '#database';
import { createTestDatabase } from '../../database/testing/test-database.js';
import { Sequencer, type SequencerOptions } from '../src/index.js';
import { allMigrations, LedgeredMessages } from './ledgered-messages.js';

export const ORIGIN = 'hospital.example/test';

/** A database with messages, and a ledger over them that appends only when told to. */
export interface LedgerFixture {
  readonly database: Database;
  readonly directory: string;
  readonly messages: LedgeredMessages;
  start(options?: Partial<SequencerOptions>): Promise<Sequencer>;
  stop(sequencer: Sequencer): Promise<void>;
  /** Everything that waits goes into the tree. */
  drain(options?: Partial<SequencerOptions>): Promise<void>;
  remove(): Promise<void>;
}

export async function createLedgerFixture(): Promise<LedgerFixture> {
  const { database, remove } = await createTestDatabase(allMigrations);
  const folder = mkdtempSync(join(tmpdir(), 'ledger-'));
  const directory = join(folder, 'ledger');
  const open = new Set<Sequencer>();
  const start = async (options: Partial<SequencerOptions> = {}): Promise<Sequencer> => {
    const fixed = { database, directory, origin: ORIGIN, sweepMs: 3_600_000, lockWaitMs: 0 };
    const sequencer = await Sequencer.open({ ...fixed, ...options });
    open.add(sequencer);
    return sequencer;
  };
  const stop = async (sequencer: Sequencer): Promise<void> => {
    open.delete(sequencer);
    await sequencer.close();
  };
  return {
    database,
    directory,
    messages: new LedgeredMessages(database),
    start,
    stop,
    drain: async (options) => stop(await start(options)),
    remove: async () => {
      await Promise.all([...open].map(stop));
      await remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
