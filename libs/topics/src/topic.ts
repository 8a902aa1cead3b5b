import { createRequire } from 'node:module';
import type { FileProblem } from '#declaration';
import { type FhirObject, isResourceType, writeJson } from '#fhir';
import { isEngineError } from '#kernel';
import { compileCriteria, parametersOf } from '#search';
import type { TopicFile } from './topic-file.js';

/** What a message did to one resource: no content before: it is new; none now: it was deleted. */
export interface Change {
  readonly current: FhirObject | undefined;
  readonly previous: FhirObject | undefined;
}

/** A subscription topic, ready to be asked. */
export interface Topic {
  readonly url: string;
  readonly type: string;
  /** Names of search parameters by which a subscription may narrow it. */
  readonly filters: readonly string[];
  /** Whether deletions may be events. */
  readonly tellsDeletions: boolean;
  /** What goes along with a resource, as a search says it: `_include` and `_revinclude` with their values. */
  readonly inclusions: readonly (readonly ['_include' | '_revinclude', string])[];
  /** Whether the change is an event. An expression that fails on a resource makes none. */
  isTriggeredBy(change: Change): boolean;
}

type Evaluate = (current: unknown, environment: Record<string, unknown>) => unknown[];

/** The engine and its model of R4 are large: they are loaded by the first topic. */
function compileExpression(expression: string): Evaluate {
  const load = createRequire(import.meta.url);
  const engine = load('fhirpath') as { compile(expression: string, model: unknown): Evaluate };
  return engine.compile(expression, load('fhirpath/fhir-context/r4'));
}

/** Compiles the file of a topic, or answers what is wrong with it. */
export function compileTopic(file: TopicFile): Topic | FileProblem {
  const { resource: type, interactions, when } = file.trigger;
  const problem = filterProblem(file) ?? inclusionProblem(file);
  if (problem) return problem;
  let evaluate: Evaluate | undefined;
  if (when !== undefined) {
    try {
      evaluate = compileExpression(when.value);
      // Names of functions and variables are looked up only now.
      evaluate({ resourceType: type }, { current: { resourceType: type }, previous: [] });
    } catch (error) {
      const [reason = ''] = String(error instanceof Error ? error.message : error).split('\n');
      const message = `the expression is not understood: ${reason.slice(0, 300)}`;
      const remedy = "write FHIRPath that is true or false, such as %current.status = 'final'";
      return { file: file.file, ...placeOf(when), code: 'TOPIC_EXPRESSION_WRONG', message, remedy };
    }
  }
  const tells = new Set<string>(interactions);
  return {
    url: file.topic,
    type,
    filters: (file.filters ?? []).map(({ value }) => value),
    tellsDeletions: tells.has('delete'),
    inclusions: [
      ...(file.shape?.include ?? []).map(({ value }) => ['_include', value] as const),
      ...(file.shape?.revInclude ?? []).map(({ value }) => ['_revinclude', value] as const),
    ],
    isTriggeredBy: (change) =>
      tells.has(interactionOf(change)) && (evaluate === undefined || holds(evaluate, change)),
  };
}

function interactionOf({ current, previous }: Change): 'create' | 'update' | 'delete' {
  if (current === undefined) return 'delete';
  return previous === undefined ? 'create' : 'update';
}

function filterProblem({ file, trigger, filters = [] }: TopicFile): FileProblem | undefined {
  const { resource: type } = trigger;
  for (const filter of filters) {
    try {
      compileCriteria(`${type}?${encodeURIComponent(filter.value)}=x`);
    } catch (error) {
      if (!isEngineError(error, 'rejected') || error.code !== 'SEARCH_PARAMETER_UNKNOWN') continue;
      const message = `${type} has no search parameter '${filter.value}' here`;
      const remedy = `write names of search parameters of ${type}, without modifiers`;
      return { file, ...placeOf(filter), code: 'TOPIC_FILTER_UNKNOWN', message, remedy };
    }
  }
  return undefined;
}

/** What is included begins at the resource that triggers; what includes it refers to that. */
function inclusionProblem({ file, trigger, shape }: TopicFile): FileProblem | undefined {
  const { resource: type } = trigger;
  const asked = [
    ...(shape?.include ?? []).map((one) => ({ one, from: type })),
    ...(shape?.revInclude ?? []).map((one) => ({ one, from: undefined })),
  ];
  for (const { one, from } of asked) {
    const [source = '', name = '', target] = one.value.split(':');
    const references = [...parametersOf(source).values()].filter(({ kind }) => kind === 'reference');
    const isKnown = references.some((parameter) => parameter.name === name);
    if (
      isKnown &&
      (from === undefined || source === from) &&
      (target === undefined || isResourceType(target))
    )
      continue;
    const start = from === undefined || source === from ? source : from;
    const known = [...parametersOf(start).values()]
      .filter(({ kind }) => kind === 'reference')
      .map((parameter) => `${start}:${parameter.name}`);
    const message = `'${one.value}' leads nowhere`;
    const remedy = known.length === 0 ? 'begin with a resource type' : `write one of ${known.join(', ')}`;
    return { file, ...placeOf(one), code: 'TOPIC_INCLUDE_UNKNOWN', message, remedy };
  }
  return undefined;
}

const placeOf = ({ line, column }: { readonly line: number; readonly column: number }) => ({ line, column });

function holds(evaluate: Evaluate, { current, previous }: Change): boolean {
  // The engine marks what it is given, and knows no decimals of ours: it gets copies.
  const now = current === undefined ? [] : copyOf(current);
  try {
    const answer = evaluate(now, { current: now, previous: previous === undefined ? [] : copyOf(previous) });
    return answer.length === 1 && answer[0] === true;
  } catch {
    return false;
  }
}

function copyOf(resource: FhirObject): unknown {
  return JSON.parse(writeJson(resource));
}
