import type { Terminal } from '../src/index.js';

/** A terminal that remembers what was said. */
export class HeardTerminal implements Terminal {
  readonly answer: string[] = [];
  readonly notes: string[] = [];
  private readonly stopping = new AbortController();
  readonly stop = this.stopping.signal;
  /** Told of every line, so that a test can react to what it reads. */
  onLine: (line: string) => void = () => {};

  out(line: string): void {
    this.answer.push(line);
    this.onLine(line);
  }

  note(line: string): void {
    this.notes.push(line);
  }

  progress(): void {
    // Nobody looks on.
  }

  paint(_colour: unknown, text: string): string {
    return text;
  }

  /** As Ctrl-C does. */
  interrupt(): void {
    this.stopping.abort();
  }

  get text(): string {
    return this.answer.join('\n');
  }

  /** The answer to --json: one document, or one for each line. */
  get json(): unknown[] {
    return this.answer.map((line) => JSON.parse(line) as unknown);
  }
}
