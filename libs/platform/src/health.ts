import type { Query } from '#database';

const databaseAnswersWithinMs = 2_000;

type Trouble = () => string | undefined | Promise<string | undefined>;

/** Whether the parts of a process do their work: each says 'ok', or in a sentence why not. */
export class Health {
  private readonly parts = new Map<string, Trouble>();

  constructor(private readonly database: Query) {}

  /** `trouble` answers undefined when all is well, and does so soon. */
  watch(part: string, trouble: Trouble): void {
    this.parts.set(part, trouble);
  }

  async look(): Promise<Record<string, string>> {
    const found: Record<string, string> = { database: await this.databaseState() };
    for (const [part, trouble] of this.parts) found[part] = (await trouble()) ?? 'ok';
    return found;
  }

  private async databaseState(): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((done) => {
      timer = setTimeout(() => done('does not answer in time'), databaseAnswersWithinMs);
    });
    const asked = this.database.query('SELECT 1', [], 'health').then(
      () => 'ok',
      () => 'does not answer',
    );
    const state = await Promise.race([asked, late]);
    clearTimeout(timer);
    return state;
  }
}
