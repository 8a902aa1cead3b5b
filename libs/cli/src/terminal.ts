/** Where a command speaks. A port: the system's streams, or what a test wants to read. */
export interface Terminal {
  /** One line of the answer (stdout). */
  out(line: string): void;
  /** One line beside the answer: errors, remedies, what a person should know (stderr). */
  note(line: string): void;
  /** What is going on now. The next one takes its place; where no person looks on, a line every ten seconds. */
  progress(text: string): void;
  /** Colours the word where colours are seen. */
  paint(colour: Colour, text: string): string;
  /** Aborts when the person presses Ctrl-C or the system asks to stop. */
  readonly stop: AbortSignal;
}

export type Colour = 'good' | 'doubtful' | 'bad' | 'quiet';

const SGR: Record<Colour, number> = { good: 32, doubtful: 33, bad: 31, quiet: 2 };
const ESC = '\u001b';
/** A progress line is written at most this often: where a person looks on, and into a log. */
const PROGRESS_EVERY_MS = 100;
const PROGRESS_LOGGED_EVERY_MS = 10_000;

/** The streams of this process. A reader that goes away (`suture tap | head`) ends the program quietly. */
export function systemTerminal(): Terminal {
  const { stdout, stderr } = process;
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
  });
  const coloured = stdout.isTTY && process.env['NO_COLOR'] === undefined;
  let progressShown = false;
  const progressEveryMs = stderr.isTTY ? PROGRESS_EVERY_MS : PROGRESS_LOGGED_EVERY_MS;
  let progressAtMs = stderr.isTTY ? 0 : Date.now();
  const clear = () => {
    if (progressShown) stderr.write(`\r${ESC}[K`);
    progressShown = false;
  };
  return {
    out(line) {
      clear();
      stdout.write(`${line}\n`);
    },
    note(line) {
      clear();
      stderr.write(`${line}\n`);
    },
    progress(text) {
      if (Date.now() - progressAtMs < progressEveryMs) return;
      progressAtMs = Date.now();
      if (!stderr.isTTY) {
        stderr.write(`${text}\n`);
        return;
      }
      clear();
      stderr.write(text.slice(0, Math.max(20, stderr.columns - 1)));
      progressShown = true;
    },
    paint: (colour, text) => (coloured ? `${ESC}[${SGR[colour]}m${text}${ESC}[0m` : text),
    stop: stop.signal,
  };
}
