// Reads the official HL7 v2-to-FHIR tables (segments, codesystems): CSV files with two lines of headings.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** RFC 4180; an unclosed quote ends with the file. */
export function parseCsv(text) {
  const rows = [];
  let row = [];
  let cell = '';
  let quoted = false;
  const endCell = () => {
    row.push(cell.trim());
    cell = '';
  };
  const endRow = () => {
    endCell();
    rows.push(row);
    row = [];
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ',') endCell();
    else if (c === '\n') endRow();
    else if (c !== '\r') cell += c;
  }
  if (cell !== '' || row.length > 0) endRow();
  return rows;
}

/** Cells of a CSV line, quoted where they must be. */
export function csvLine(cells) {
  return cells.map((cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',');
}

function* tables(dir, folder) {
  const path = join(dir, folder);
  if (!existsSync(path)) return;
  for (const file of readdirSync(path).sort()) {
    const name = /_ (.+?) - [^-]+\.csv$/.exec(file)?.[1];
    if (name === undefined) continue;
    const text = readFileSync(join(path, file), 'utf8').replace(/^\ufeff/, '');
    yield { name, rows: parseCsv(text).slice(2) };
  }
}

function fieldTables(dir, folder) {
  return [...tables(dir, folder)].map(({ name, rows }) => {
    const [, source = name, variant = ''] = /^(\w+)\[(.+)\]$/.exec(name) ?? [];
    return {
      name,
      source,
      resource: variant.replace(/[-.].*$/, ''),
      rows: rows.map((cells, i) => {
        const at = (n) => cells[n] ?? '';
        return {
          line: i + 3,
          source: at(1).replace(/\s+/g, ''),
          title: at(2),
          type: at(3),
          computable: at(6),
          narrative: at(8),
          target: at(9).replace(/\s+/g, ''),
          proposed: at(10),
          targetType: at(11),
          typeMap: at(14),
          vocabulary: at(15),
          assignment: at(16),
          comment: at(17),
        };
      }),
    };
  });
}

/** `PID[Patient]` and the like: { name, source, resource, rows }. */
export function readSegmentTables(dir) {
  return fieldTables(dir, 'segments');
}

/** `AdministrativeSex` and the like: { name, rows: { from, title, system, to, display, toSystem, condition } }. */
export function readConceptTables(dir) {
  return [...tables(dir, 'codesystems')].map(({ name, rows }) => ({
    name,
    rows: rows
      .filter((cells) => (cells[0] ?? '') !== '')
      .map((cells) => ({
        from: cells[0],
        title: cells[1] ?? '',
        system: cells[2] ?? '',
        condition: cells[3] || cells[5] || '',
        to: cells[6] ?? '',
        display: cells[8] ?? '',
        toSystem: cells[9] ?? '',
        comment: cells[11] || cells[10] || '',
      })),
  }));
}

/**
 * The official target in our spelling: `name[1].given` becomes `name.given`, `author(Practitioner)` `author`, and
 * an extension the last part of its URL, taken from the row of the same table that assigns it.
 */
export function elementOf(row, rows) {
  let done = '';
  const steps = row.target.split('.').map((step) => {
    done += done === '' ? step : `.${step}`;
    if (!step.startsWith('extension')) return step.replace(/\[[^\]]*\]|\([^)]*\)/g, '');
    const named = rows.filter(
      (one) => /^(?:url|uri)$/.test(one.target.slice(done.length + 1)) && one.target.startsWith(`${done}.`),
    );
    // The tables use one number for two extensions: the row nearest before this one counts.
    const nearest = named.findLast(({ line }) => line <= row.line) ?? named[0];
    const url = nearest?.assignment.replaceAll('"', '') ?? '';
    return `extension(${url.replace('http://hl7.org/fhir/StructureDefinition/', '')})`;
  });
  return steps.join('.').replace(/^\$this\.?/, '');
}

/** `CX[Identifier]` and the like: as the segment tables. */
export function readTypeTables(dir) {
  return fieldTables(dir, 'datatypes');
}

/** `ORU_R01` and the like: { name, rows: { line, path, segment, title, target, map } } for each segment of the message. */
export function readMessageTables(dir) {
  return [...tables(dir, 'messages')].map(({ name, rows }) => ({
    name,
    rows: rows
      .map((cells, i) => ({
        line: i + 3,
        path: cells[1] ?? '',
        segment: /[A-Z][A-Z0-9]{2}$/.exec((cells[1] ?? '').replace(/[^A-Z0-9]+$/, ''))?.[0] ?? '',
        title: cells[3] ?? '',
        target: (cells[9] ?? '').replace(/\s+/g, ''),
        map: (cells[10] ?? '').replace(/\s+/g, ''),
      }))
      .filter(({ target, map, segment }) => segment !== '' && (target !== '' || map !== '')),
  }));
}
