import { conformanceOfHl7v2 } from './hl7v2/conformance.js';

const USAGE = `npm run conformance -- hl7v2 [--json] [--verbose]

Converts every message of the corpus beside the repository (../shared) and says what was kept, placed, accounted for, and
whether all of it is valid FHIR R4. Exit code 0: every goal is reached; 1: one is not; 3: there is no corpus here.

  --json     the figures as JSON
  --verbose  where values stay unmapped, which hard files are wrong, and what else stands behind a figure`;

/** `npm run conformance -- <part>`. Answers the exit code. */
export function conformance(argv: readonly string[]): number {
  const [part, ...options] = argv;
  const known = ['--json', '--verbose'];
  if (part === '--help' || part === '-h') {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const strange = options.find((option) => !known.includes(option));
  if (part !== 'hl7v2' || strange !== undefined) {
    process.stderr.write(`${strange ?? part ?? 'nothing'} is not known here\n\n${USAGE}\n`);
    return 2;
  }
  return conformanceOfHl7v2({ json: options.includes('--json'), verbose: options.includes('--verbose') });
}
