import type { V2Type } from '../dictionary/v2-dictionary.js';
import type { PathExpression } from '../language/expression.js';
import type { RuleBody } from '../language/mapping-file.js';
import type { Run } from '../run/run.js';
import { xmlWalk } from '../run/xml-select.js';
import { isValued } from '../types/cda/element-parts.js';
import { compilePath, compileSelector } from './compile-path.js';
import type { CompiledBody } from './compiled-body.js';
import type { CollectValues } from './compiled-value.js';
import { mistake, type Scope } from './scope.js';
import { elementValue, xmlPeek } from './xml-reader.js';

/** Walks over the repetitions of a field, or the segments of a name. */
export function compileEach(
  path: PathExpression,
  scope: Scope,
  compile: (scope: Scope) => CompiledBody | undefined,
): CompiledBody | undefined {
  if (path.steps) return eachElement(path, scope, compile);
  if (path.field === 0 && scope.frame.kind === 'segment') return eachSegment(path, scope, compile);
  const reader = compilePath(path, scope);
  if (!reader) return undefined;
  const type: V2Type = reader.type;
  const inner = compile({
    ...scope,
    each: { path: { ...path, component: 0, subcomponent: 0, filter: undefined }, type },
  });
  if (!inner) return undefined;
  const convert = (run: Run, start: number, end: number): unknown => {
    const { from, to } = run;
    run.from = start;
    run.to = end;
    const value = inner.read(run);
    run.from = from;
    run.to = to;
    return value;
  };
  return {
    read: (run) => reader.collect(run, convert, undefined)?.[0],
    collect: (run, list) => reader.collect(run, convert, list),
    constant: false,
  };
}

/** Paths of the rule begin at each of the elements. */
function eachElement(
  path: PathExpression,
  scope: Scope,
  compile: (scope: Scope) => CompiledBody | undefined,
): CompiledBody | undefined {
  const reader = compilePath(path, scope);
  const inner = compile(scope);
  if (!reader || !inner) return undefined;
  if (reader.type !== elementValue)
    return mistake(scope, path.offset, 'MAPPING_PATH', 'each goes over elements', 'leave the attribute away');
  const walk = xmlWalk(path.steps ?? []);
  const collect: CollectValues = (run, list) => {
    const outer = run.element;
    let out = list;
    if (!outer) return out;
    walk(run.document, outer, (element) => {
      if (!isValued(run.document, element)) return false;
      run.element = element;
      out = inner.collect(run, out);
      run.element = outer;
      return false;
    });
    return out;
  };
  return { read: (run) => collect(run, undefined)?.[0], collect, constant: false };
}

function eachSegment(
  path: PathExpression,
  scope: Scope,
  compile: (scope: Scope) => CompiledBody | undefined,
): CompiledBody | undefined {
  const select = compileSelector(path, scope);
  const inner = compile({
    ...scope,
    frame: { kind: 'segment', name: path.name },
    each: undefined,
    inEachSegment: true,
  });
  if (!select || !inner) return undefined;
  const collect: CollectValues = (run, list) => {
    const segments = select(run);
    if (!segments) return list;
    const outer = run.segment;
    let out = list;
    for (const segment of segments) {
      run.segment = segment;
      out = inner.collect(run, out);
    }
    run.segment = outer;
    return out;
  };
  return { read: (run) => collect(run, undefined)?.[0], collect, constant: false };
}

type ByBody = Extract<RuleBody, { kind: 'by' }>;

/** Compiles each case with what the case settles: under `by: OBX-2`, OBX-5 is of the type that the case names. */
export function compileBy(
  body: ByBody,
  scope: Scope,
  compile: (body: RuleBody, scope: Scope) => CompiledBody | undefined,
): CompiledBody | undefined {
  const cases = compileCases(body, scope, compile);
  if (!cases) return undefined;
  const { pick } = cases;
  return {
    read: (run) => pick(run)?.read(run),
    collect: (run, list) => pick(run)?.collect(run, list) ?? list,
    constant: false,
  };
}

export function compileCases<T>(
  body: ByBody,
  scope: Scope,
  compile: (body: RuleBody, scope: Scope) => T | undefined,
): { pick: (run: Run) => T | undefined } | undefined {
  const reader = compilePath(body.path, scope);
  const peek = body.path.steps && xmlPeek(body.path.steps);
  const table = new Map<string, T>();
  let complete = reader !== undefined;
  for (const one of body.cases) {
    for (const name of one.names) {
      const compiled = compile(one.body, { ...scope, settled: settle(body.path, name, scope) });
      if (compiled === undefined) complete = false;
      else if (table.has(name))
        complete =
          mistake(
            { ...scope, place: one.place },
            0,
            'MAPPING_UNREACHABLE',
            `case ${name} stands here twice`,
            'remove one',
          ) ?? false;
      else table.set(name, compiled);
    }
  }
  const otherwise = body.otherwise && compile(body.otherwise, scope);
  if (!reader || !complete || (body.otherwise && otherwise === undefined)) return undefined;
  const pick = (run: Run): T | undefined => {
    if (peek) return table.get(peek(run) ?? '') ?? otherwise;
    const start = reader.first(run);
    const name = start < 0 ? '' : (run.peek(start, run.cut(start, run.end, run.componentCode)) ?? '');
    return table.get(name) ?? otherwise;
  };
  return { pick };
}

/** OBX-2 names the type of OBX-5 (HL7 v2.5.1 chapter 7.4.2.2). */
function settle(path: PathExpression, name: string, scope: Scope): ReadonlyMap<string, string> {
  if (path.name !== 'OBX' || path.field !== 2) return scope.settled;
  return new Map([...scope.settled, ['OBX-5', name]]);
}
