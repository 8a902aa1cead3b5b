// What our mapping files say, as a flat list: which source field goes to which element of which resource.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = fileURLToPath(new URL('../../../..', import.meta.url));
const built = join(root, 'dist/libs/mapping/src');

/** A module of the built library. */
function fromBuild(path) {
  const file = join(built, path);
  if (!existsSync(file)) throw new Error('build first: npm run build');
  return import(pathToFileURL(file).href);
}

const { readMappingFile } = await fromBuild('language/read-mapping-file.js');
const { Problems } = await fromBuild('language/problems.js');

/** All maps under mappings/hl7v2; a file with mistakes is named, for it would falsify the comparison. */
export function readMaps(dir = join(root, 'mappings')) {
  const maps = [];
  const broken = [];
  for (const name of readdirSync(join(dir, 'hl7v2'), { recursive: true, encoding: 'utf8' }).sort()) {
    if (!name.endsWith('.yaml') || /\.(?:test|golden)\.yaml$/.test(name)) continue;
    const file = `hl7v2/${name}`;
    const problems = new Problems(file);
    maps.push(...readMappingFile(file, readFileSync(join(dir, file), 'utf8'), problems).maps);
    if (problems.list.length > 0) broken.push(file);
  }
  return { maps, broken };
}

/**
 * Rules { source, component, resource, element, map, weak }; drops { source, component, reason }; and links
 * { resource, element, maps }: an element that refers to what those maps made.
 */
export function flatten(maps) {
  const rules = [];
  const drops = [];
  const links = [];
  const named = namedMaps(maps);
  for (const map of maps) {
    for (const { path, reason } of map.drop)
      drops.push({ source: sourceOf(path), component: path.component, reason, map: map.name });
    if (map.kind !== 'resource') continue;
    const emit = (path, element, weak) =>
      rules.push({
        source: sourceOf(path),
        component: path.component,
        resource: map.create.type,
        element,
        map: map.name,
        weak,
      });
    if (map.when) conditionPaths(map.when.condition, (path) => emit(path, '', true));
    const link = (name, element) =>
      links.push({ resource: map.create.type, element, maps: named.get(name) ?? new Set() });
    for (const rule of map.set) walk(rule.body, stepsOf(rule), { emit, link });
  }
  return { rules, drops, links };
}

/** Names of message maps, with the resource maps whose results go by them. */
function namedMaps(maps) {
  const named = new Map();
  const read = (steps) => {
    for (const step of steps) {
      if (step.kind === 'each') read(step.steps);
      else if (step.as !== undefined) named.set(step.as, (named.get(step.as) ?? new Set()).add(step.map));
    }
  };
  for (const map of maps) if (map.kind === 'message') read(map.steps);
  return named;
}

function sourceOf({ name, field }) {
  return field > 0 ? `${name}-${field}` : name;
}

function shortUrl(url) {
  return url.replace(/^https?:\/\/hl7\.org\/fhir\/StructureDefinition\//, '');
}

function stepsOf({ steps }) {
  return steps.map(({ name, url }) => (url === undefined ? name : `${name}(${shortUrl(url)})`)).join('.');
}

function walk(body, element, to) {
  const { emit } = to;
  switch (body.kind) {
    case 'value':
      return valuePaths(
        body.expression,
        (path) => emit(path, element, false),
        (name) => to.link(name, element),
      );
    case 'constant':
      return;
    case 'list':
      return body.items.forEach((item) => walk(item, element, to));
    case 'choose':
      return body.options.forEach((option) => walk(option, element, to));
    case 'when':
      conditionPaths(body.condition, (path) => emit(path, element, true));
      return walk(body.body, element, to);
    case 'each':
      emit(body.path, element, true);
      return walk(body.body, element, to);
    case 'by':
      emit(body.path, element, true);
      for (const one of body.cases) walk(one.body, element, to);
      return body.otherwise && walk(body.otherwise, element, to);
    default:
      return walkObject(body, element, to);
  }
}

/** An object of an extension is named by its constant url. */
function walkObject({ set }, element, to) {
  const url = set.find(({ path, body }) => path === 'url' && body.kind === 'constant')?.body.value;
  const inside =
    typeof url === 'string' && element.endsWith('extension') ? `${element}(${shortUrl(url)})` : element;
  for (const rule of set) walk(rule.body, `${inside}.${stepsOf(rule)}`, to);
}

function valuePaths(expression, emit, link = () => {}) {
  switch (expression.kind) {
    case 'path':
      return emit(expression);
    case 'name':
      return link(expression.name);
    case 'first':
      return expression.options.forEach((option) => valuePaths(option, emit, link));
    case 'call':
      if (expression.input) valuePaths(expression.input, emit, link);
      return expression.args.forEach(({ value }) => valuePaths(value, emit, link));
    case 'as':
      return valuePaths(expression.input, emit, link);
    default:
  }
}

function conditionPaths(condition, emit) {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.parts.forEach((part) => conditionPaths(part, emit));
    case 'not':
      return conditionPaths(condition.part, emit);
    case 'valued':
      return valuePaths(condition.value, emit);
    case 'equals':
      valuePaths(condition.left, emit);
      return condition.right.forEach((value) => valuePaths(value, emit));
    default:
      return emit(condition.path);
  }
}
