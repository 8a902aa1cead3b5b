import { conformanceOfCcda } from './ccda/conformance.js';
import { conformanceOfCsv } from './csv/conformance.js';
import { conformanceOfFhir } from './fhir/conformance.js';
import { type Figure, reportFigures } from './figure.js';
import { conformanceOfHl7v2 } from './hl7v2/conformance.js';

/** The parts of the corpus; each gives its figures, or undefined where its files are not beside the repository. */
const PARTS: Readonly<Record<string, () => Figure[] | undefined | Promise<Figure[] | undefined>>> = {
  hl7v2: conformanceOfHl7v2,
  ccda: conformanceOfCcda,
  csv: conformanceOfCsv,
  fhir: conformanceOfFhir,
};

const USAGE = `npm run conformance -- ${Object.keys(PARTS).join('|')} ... [--json] [--verbose]

Converts every message of a part of the corpus beside the repository (../shared) and says what was kept, placed, accounted
for, and whether all of it is valid FHIR R4; \`fhir\` reads, checks and writes the official examples of R4 instead (npm fetches them). Exit code 0: every goal is reached; 1: one is not; 3: there is no corpus here.

  --json     the figures as JSON
  --verbose  where values stay unmapped, which hard files are wrong, and what else stands behind a figure`;

/** `npm run conformance -- <part> ...`. Answers the exit code. */
export async function conformance(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const parts = argv.filter((one) => !one.startsWith('--'));
  const strange = argv.find((one) => !(one in PARTS || one === '--json' || one === '--verbose'));
  if (parts.length === 0 || strange !== undefined) {
    process.stderr.write(`${strange ?? 'nothing'} is not known here\n\n${USAGE}\n`);
    return 2;
  }
  const options = { json: argv.includes('--json'), verbose: argv.includes('--verbose') };
  const codes: number[] = [];
  for (const part of parts) {
    if (!options.json && parts.length > 1) process.stdout.write(`${part}\n`);
    const figures = await PARTS[part]?.();
    if (figures) {
      codes.push(reportFigures(figures, options));
      continue;
    }
    process.stdout.write(
      part === 'fhir'
        ? 'npm cannot fetch hl7.fhir.r4.examples and hl7.fhir.uv.ips here: nothing was checked\n'
        : 'there is no corpus beside this repository (../shared): nothing was checked\n',
    );
    codes.push(3);
  }
  return Math.max(...codes);
}
