import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, openDatabase } from '#database';
import { startEmbeddedPostgres } from '#platform';
import { storeMigrations } from '#store';
import type { Figure } from '../../figure.js';
import { type Agreement, compareSearch } from './agreement.js';

const SEED = 20_261_129;
/** Values of each parameter that are asked for. */
const VALUES = 3;
const CONNECTIONS = 6;

/** The search over all examples of a folder beside brute force, in a PostgreSQL of its own. */
export async function searchFigures(folder: string, say: (text: string) => void): Promise<Figure[]> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'suture-search-'));
  const server = await startEmbeddedPostgres({ dataDirectory });
  const database = openDatabase(server.url, {
    maxConnections: CONNECTIONS,
    application: 'suture-conformance',
  });
  try {
    await migrate(database, storeMigrations);
    say('storing the examples, to search them ...');
    const asked = { seed: SEED, count: VALUES, say };
    return figuresOf(await compareSearch(database, exampleTexts(folder), asked));
  } finally {
    await database.close();
    await server.stop();
    rmSync(dataDirectory, { recursive: true, force: true });
  }
}

/** The texts of the resources of a package's folder, in the order of their names; one whose id R4 does not allow is left out. */
export function exampleTexts(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .filter((name) => /^[A-Z].*\.json$/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .filter((text) => /^[A-Za-z0-9\-.]{1,64}$/.test((JSON.parse(text) as { id?: string }).id ?? ''));
}

function figuresOf({
  resources,
  parameters,
  withoutValue,
  queries,
  matched,
  differences,
}: Agreement): Figure[] {
  return [
    {
      name: 'searches that differ from brute force',
      value: `${differences.length} of ${queries}`,
      goal: 'none',
      reached: differences.length === 0 && matched > 0,
      details: differences,
    },
    {
      name: 'search parameters that examples have',
      value: `${parameters - withoutValue.length} of ${parameters}`,
      goal: '',
      reached: true,
      details: [`${resources} resources, ${matched} queries find something`, ...withoutValue],
      whole: true,
    },
  ];
}
