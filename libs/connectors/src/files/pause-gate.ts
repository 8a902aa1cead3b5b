import { EngineError } from '#kernel';

/** Stands between a source and the journal: closed while the source is paused, broken when it is stopped. */
export class PauseGate {
  private isPaused = false;
  private isStopped = false;
  private waiting: (() => void)[] = [];

  get isOpen(): boolean {
    return !this.isPaused && !this.isStopped;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.wake();
  }

  stop(): void {
    this.isStopped = true;
    this.wake();
  }

  /** Resolves when it is open; throws `unavailable` SOURCE_STOPPED when there is no more to come. */
  async passed(): Promise<void> {
    while (this.isPaused && !this.isStopped) await new Promise<void>((done) => this.waiting.push(done));
    if (this.isStopped) throw new EngineError('unavailable', 'SOURCE_STOPPED', 'the source has been stopped');
  }

  /** Waits; less long when it is stopped meanwhile. */
  async wait(ms: number): Promise<void> {
    if (this.isStopped) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((done) => {
      timer = setTimeout(done, ms);
      this.waiting.push(() => {
        if (this.isStopped) done();
      });
    });
    clearTimeout(timer);
  }

  private wake(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const done of waiting) done();
  }
}
