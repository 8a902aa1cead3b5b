import { readFile } from 'node:fs/promises';
import { type Clock, EngineError } from '#kernel';

/** A secret that was replaced on disk is used from then on, at the latest. */
const REREAD_AFTER_MS = 10_000;

/** A secret that stands in a file of its own, so that it is in no channel file, environment or log. */
export class SecretFile {
  private value: string | undefined;
  private readAtMs = 0;

  constructor(
    private readonly path: string,
    private readonly clock: Clock,
  ) {}

  /** The text of the file without the line feed at its end. `misconfigured` SECRET_UNREADABLE. */
  async read(): Promise<string> {
    const nowMs = this.clock.nowMs();
    if (this.value === undefined || nowMs - this.readAtMs >= REREAD_AFTER_MS) {
      this.value = await this.load();
      this.readAtMs = nowMs;
    }
    return this.value;
  }

  private async load(): Promise<string> {
    const text = await readFile(this.path, 'utf8').catch((error: unknown) => {
      throw new EngineError('misconfigured', 'SECRET_UNREADABLE', `reading the secret in ${this.path}`, {
        cause: error,
      });
    });
    return text.replace(/\r?\n$/, '');
  }
}
