/** Most lines behind a figure with --verbose. */
const SHOWN = 40;

/** One line of the report. */
export interface Figure {
  readonly name: string;
  readonly value: string;
  readonly goal: string;
  readonly reached: boolean;
  readonly details: readonly string[];
  /** Whether --verbose shows all of them. */
  readonly whole?: boolean;
}

export interface ReportOptions {
  readonly json: boolean;
  readonly verbose: boolean;
}

/** Prints the figures. Answers the exit code: 0 when every goal is reached. */
export function reportFigures(figures: readonly Figure[], options: ReportOptions): number {
  const open = figures.filter(({ reached }) => !reached).length;
  if (options.json) process.stdout.write(`${JSON.stringify({ figures })}\n`);
  else {
    for (const figure of figures) print(figure, options.verbose);
    process.stdout.write(`${figures.length - open} goals reached, ${open} not\n`);
  }
  return open === 0 ? 0 : 1;
}

function print({ name, value, goal, reached, details, whole }: Figure, verbose: boolean): void {
  process.stdout.write(
    `${name.padEnd(44)} ${value.padEnd(34)} ${goal.padEnd(16)} ${reached ? 'reached' : 'NOT REACHED'}\n`,
  );
  if (verbose)
    for (const line of whole === true ? details : details.slice(0, SHOWN))
      process.stdout.write(`    ${line}\n`);
}
