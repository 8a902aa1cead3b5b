import { type ParseArgsConfig, parseArgs } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<O extends Options> = { [K in keyof O]?: O[K]['type'] extends 'boolean' ? boolean : string };

/** The options of a command line; or, for `--help` and for words that mean nothing, the exit code after `usage` was told. */
export function readWords<const O extends Options>(
  argv: readonly string[],
  usage: string,
  options: O,
): { readonly good: true; readonly values: Values<O> } | { readonly good: false; readonly exitCode: number } {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(`${usage}\n`);
    return { good: false, exitCode: 0 };
  }
  try {
    return { good: true, values: parseArgs({ args: [...argv], options }).values as Values<O> };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}\n`);
    return { good: false, exitCode: 2 };
  }
}
