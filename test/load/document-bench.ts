import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from '#cda';
import { writeJson } from '#fhir';
import { MappingLibrary } from '#mapping';
import { repositoryRoot } from './bench-messages.js';
import type { Figure } from './figure.js';

const BYTES = 100_000;
const ROUNDS = 5;
/** V8 makes good code of the maps of all sections only after some hundred documents. */
const WARM_UP = 400;
const fixtures = join(repositoryRoot, 'test/fixtures/ccda');

/** A document of 100 kB, from bytes to JSON bytes, against the parser alone; CPU time of this process. */
export function documentFigures(scale: number): Figure[] {
  const raw = longDocument();
  const library = new MappingLibrary(join(repositoryRoot, 'mappings'));
  const map = library.set(library.usualLayers).named('ccda.Document');
  if (map === undefined) throw new Error('there is no valid map of documents: npm run suture -- validate');
  let resources = 0;
  const ways = {
    parsed: () => parseDocument(raw).elements.length,
    mapped: () => {
      const made = map.run(parseDocument(raw), { tenant: 'bench' }).resources;
      resources = made.length;
      return Buffer.from(made.map(({ resource }) => writeJson(resource)).join('\n')).length;
    },
  };
  const [parsed, mapped] = [ways.parsed, ways.mapped].map((way) => milliseconds(way, scale)) as [
    number,
    number,
  ];
  const size = `${Math.round(raw.length / 1000)} kB`;
  return [
    { name: `baseline: a C-CDA of ${size} parsed, and nothing else`, value: parsed, unit: 'ms' },
    {
      name: `a C-CDA of ${size}, bytes to JSON bytes`,
      value: mapped,
      unit: 'ms',
      note: `CPU; ${resources} resources; ${(mapped / parsed).toFixed(1)} times the parser (goal 5 ms)`,
    },
  ];
}

/** The header of one fixture with the sections of all, again and again, each time with ids of its own. */
function longDocument(): Buffer {
  const texts = readdirSync(fixtures)
    .filter((file) => file.endsWith('.xml'))
    .map((file) => readFileSync(join(fixtures, file), 'utf8'));
  const bodies = texts.flatMap((text) => /<structuredBody>(.*)<\/structuredBody>/s.exec(text)?.[1] ?? []);
  const [head = '', tail = ''] = (texts.find((text) => text.includes('<guardian>')) ?? '').split(
    /<structuredBody>.*<\/structuredBody>/s,
  );
  let sections = '';
  for (let n = 0; head.length + sections.length < BYTES; n++)
    sections += (bodies[n % bodies.length] ?? '')
      .replaceAll(/extension="(\w[^"]*)"/g, `extension="$1-${n}"`)
      .replaceAll(/(root="[0-9a-f-]{32})[0-9a-f]{4}"/gi, `$1${String(n).padStart(4, '0')}"`)
      .replaceAll(/(ID="|value="#)/g, `$1n${n}-`);
  return Buffer.from(`${head}<structuredBody>${sections}</structuredBody>${tail}`);
}

function milliseconds(way: () => number, scale: number): number {
  for (let n = 0; n < WARM_UP; n++) way();
  const count = Math.max(20, Math.round(100 * scale));
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = process.cpuUsage();
    for (let n = 0; n < count; n++) way();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000 / count;
  });
  return rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
}
