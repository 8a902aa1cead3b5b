import { createRequire } from 'node:module';
import type { FileProblem } from '#declaration';
import { type FhirObject, writeJson } from '#fhir';
import { isEngineError } from '#kernel';
import { compileCriteria } from '#search';
import type { TopicFile } from './topic-file.js';

/** What a message did to one resource: its content now and before; no content before: it is new. */
export interface Change {
  readonly current: FhirObject;
  readonly previous: FhirObject | undefined;
}

/** A subscription topic, ready to be asked. */
export interface Topic {
  readonly url: string;
  readonly type: string;
  /** Names of search parameters by which a subscription may narrow it. */
  readonly filters: readonly string[];
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
  for (const filter of file.filters ?? []) {
    try {
      compileCriteria(`${type}?${encodeURIComponent(filter.value)}=x`);
    } catch (error) {
      if (!isEngineError(error, 'rejected') || error.code !== 'SEARCH_PARAMETER_UNKNOWN') continue;
      const message = `${type} has no search parameter '${filter.value}' here`;
      const remedy = `write names of search parameters of ${type}, without modifiers`;
      return {
        file: file.file,
        line: filter.line,
        column: filter.column,
        code: 'TOPIC_FILTER_UNKNOWN',
        message,
        remedy,
      };
    }
  }
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
      return {
        file: file.file,
        line: when.line,
        column: when.column,
        code: 'TOPIC_EXPRESSION_WRONG',
        message,
        remedy,
      };
    }
  }
  const tells = new Set<string>(interactions);
  return {
    url: file.topic,
    type,
    filters: (file.filters ?? []).map(({ value }) => value),
    isTriggeredBy: ({ current, previous }) =>
      tells.has(previous === undefined ? 'create' : 'update') &&
      (evaluate === undefined || holds(evaluate, current, previous)),
  };
}

function holds(evaluate: Evaluate, current: FhirObject, previous: FhirObject | undefined): boolean {
  // The engine marks what it is given, and knows no decimals of ours: it gets copies.
  const now = copyOf(current);
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
