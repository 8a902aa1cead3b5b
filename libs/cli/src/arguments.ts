import { parseArgs } from 'node:util';

/** What one option is, for the parser and for --help. */
export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** Shown in help for a string: `<host>`. */
  readonly value?: string;
  readonly about: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The command line cannot be understood: exit code 2, the sentence, and where help is. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

type Value = string | boolean | readonly (string | boolean)[] | undefined;

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** The words of one command line, checked where they are asked for. Every complaint is a `UsageError`. */
export class Arguments {
  private constructor(
    private readonly values: Readonly<Record<string, Value>>,
    readonly words: readonly string[],
  ) {}

  /** Reads `argv` (without program and verb). Unknown options are refused, never ignored. */
  static read(argv: readonly string[], options: OptionSpecs): Arguments {
    const specs = Object.fromEntries(
      Object.entries(options).map(([name, { type, short, multiple }]) => [
        name,
        { type, ...(short === undefined ? {} : { short }), ...(multiple === true ? { multiple } : {}) },
      ]),
    );
    try {
      const parsed = parseArgs({ args: [...argv], options: specs, allowPositionals: true, strict: true });
      return new Arguments(parsed.values, parsed.positionals);
    } catch (error) {
      throw new UsageError(firstSentence(error instanceof Error ? error.message : String(error)));
    }
  }

  has(name: string): boolean {
    return this.values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.values[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** A whole number in its bounds. */
  count(name: string, least: number, most: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new UsageError(`--${name} takes a whole number from ${least} to ${most}, not '${text}'`);
  }

  /** A duration with its unit (`500ms`, `10s`, `5m`), in milliseconds. */
  durationMs(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const match = /^(\d{1,7})(ms|s|m|h)$/.exec(text);
    if (match) return Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0);
    throw new UsageError(`--${name} takes a duration with its unit, such as 500ms, 10s or 5m, not '${text}'`);
  }

  /** The words after the verb, when exactly one is meant. */
  onlyWord(what: string): string {
    const [word, ...more] = this.words;
    if (word === undefined) throw new UsageError(`${what} is missing`);
    if (more.length > 0) throw new UsageError(`one ${what} at a time; '${more[0] ?? ''}' is too many`);
    return word;
  }

  noWords(): void {
    const [word] = this.words;
    if (word !== undefined) throw new UsageError(`'${word}' is not understood here`);
  }
}

function firstSentence(text: string): string {
  const end = text.search(/\.(\s|$)/);
  return end < 0 ? text : text.slice(0, end);
}
