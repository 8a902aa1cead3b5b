import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = join(dirname(fileURLToPath(import.meta.url)), '../../../../node_modules/.cache/fhir-packages');

/**
 * The folder of a FHIR package (`hl7.fhir.r4.examples`, with its files in `package`), fetched with npm into node_modules/.cache when it is not there: 190 MB
 * are too much for every installation. undefined where it cannot be had.
 */
export function fhirPackage(name: string, version: string): string | undefined {
  const home = join(cache, `${name}-${version}`);
  if (existsSync(home)) return home;
  const fetched = `${home}.${process.pid}`;
  mkdirSync(fetched, { recursive: true });
  const pack = spawnSync('npm', ['pack', '--silent', '--ignore-scripts', `${name}@${version}`], {
    cwd: fetched,
  });
  const file = `${name}-${version}.tgz`;
  const unpacked = pack.status === 0 && spawnSync('tar', ['xzf', file], { cwd: fetched }).status === 0;
  if (!unpacked) {
    rmSync(fetched, { recursive: true, force: true });
    return undefined;
  }
  rmSync(join(fetched, file));
  if (existsSync(home)) rmSync(fetched, { recursive: true });
  else renameSync(fetched, home);
  return home;
}
