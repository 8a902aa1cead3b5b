import { join } from 'node:path';
import { isEngineError } from '#kernel';
import { Sequencer } from '#ledger';
import type { Services } from './services.js';

const retryAfterMs = 1_000;

/** The ledger's directory below the data directory. */
export function ledgerDirectory(dataDirectory: string): string {
  return join(dataDirectory, 'ledger');
}

/** The name of the log, for ever: it stands in its key and in every checkpoint. */
function ledgerOrigin(services: Pick<Services, 'settings' | 'installation'>): string {
  return `suture.local/${services.settings.tenant}/${services.installation.slice(0, 8)}`;
}

/** Batches, checkpoints, ledger. Of all processes with this role one is active; the others wait for its place. */
export class AnchorRole {
  private sequencer: Sequencer | undefined;
  private stopping = false;
  private opening: Promise<void> = Promise.resolve();
  private wrong: string | undefined = 'the ledger is not open yet';
  private size = 0;

  constructor(private readonly services: Services) {
    services.metrics.gauge(
      'suture_ledger_size',
      'Entries under the last signed head of this process',
      [],
      () => [[{}, this.size]],
    );
  }

  /** Starts to take the ledger; resolves when it is open, or when it became clear that another process has it. */
  async start(): Promise<void> {
    const first = this.openOnce(0);
    this.opening = first.then(async (open) => {
      if (!open) await this.openUntilStopped();
    });
    await first;
  }

  /** A nudge: entries wait. */
  wake(): void {
    this.sequencer?.wake();
  }

  trouble(): string | undefined {
    return this.wrong;
  }

  /** Drains what waits and lets go of the ledger. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.opening;
    await this.sequencer?.close();
  }

  private async openUntilStopped(): Promise<void> {
    while (!this.stopping) {
      if (await this.openOnce(retryAfterMs)) return;
      await new Promise((done) => setTimeout(done, retryAfterMs).unref());
    }
  }

  private async openOnce(lockWaitMs: number): Promise<boolean> {
    const { database, settings, log } = this.services;
    try {
      this.sequencer = await Sequencer.open({
        database,
        directory: ledgerDirectory(settings.dataDirectory),
        origin: ledgerOrigin(this.services),
        lockWaitMs,
        onHead: ({ size }) => {
          this.size = size;
          this.wrong = undefined;
        },
        onTrouble: (error, stopped) => {
          log.error(
            stopped ? 'the ledger stands still until a person acts' : 'the ledger has trouble',
            error,
          );
          if (stopped) this.wrong = 'the ledger stands still; the log says why';
        },
      });
      this.wrong = undefined;
      return true;
    } catch (error) {
      // A second anchor is a stand-by, which is in order; files that do not fit the database need a person.
      if (isEngineError(error, 'unavailable')) {
        this.wrong = undefined;
        return false;
      }
      if (!isEngineError(error, 'misconfigured')) throw error;
      this.wrong = error.message;
      log.error('the ledger cannot be opened', error);
      return false;
    }
  }
}
