import type { SendOutcome } from '#channel';
import { EngineError } from '#kernel';
import { classifyStatus, failedWith, type HttpAnswer, judgeStatus } from '../http/http-outcome.js';

/** Codes of R4 value set issue-type: whatever else a server writes there is not repeated, it may tell of a person. */
const ISSUE_CODES = new Set(
  (
    'invalid structure required value invariant security login unknown expired forbidden suppressed processing ' +
    'not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly business-rule ' +
    'conflict transient lock-error no-store exception timeout incomplete throttled informational'
  ).split(' '),
);

type Json = Readonly<Record<string, unknown>>;

/** What an answer to one interaction means: its status, and of its OperationOutcome the code of the issue alone. */
export function judgeInteraction(answer: HttpAnswer): SendOutcome {
  const outcome = judgeStatus(answer);
  if (outcome.sent || outcome.error.kind !== 'rejected') return outcome;
  return failedWith(answer, refused(answer.status, issueCode(jsonOf(answer)), ''));
}

/** What an answer to a transaction of `expected` entries means: each must have got a status of 2xx. */
export function judgeTransaction(answer: HttpAnswer, expected: number): SendOutcome {
  const outcome = judgeInteraction(answer);
  if (!outcome.sent) return outcome;
  const bundle = jsonOf(answer);
  const entries = Array.isArray(bundle?.['entry']) ? (bundle['entry'] as unknown[]) : [];
  if (bundle?.['type'] !== 'transaction-response' || entries.length !== expected) {
    return failedWith(
      answer,
      new EngineError(
        'misconfigured',
        'FHIR_ANSWER_STRANGE',
        `the server answers ${answer.status}, but with no transaction-response of ${expected} entries: check its address`,
      ),
    );
  }
  for (const [index, entry] of entries.entries()) {
    const response = objectOf(objectOf(entry)?.['response']);
    const status = Number.parseInt(String(response?.['status']), 10) || 0;
    const error = classifyStatus(status);
    if (error === undefined) continue;
    const isRefusal = status >= 400 && status < 500 && error.kind !== 'unavailable';
    const code = issueCode(objectOf(response?.['outcome']));
    return failedWith(answer, isRefusal ? refused(status, code, `entry ${index + 1} of `) : error);
  }
  return outcome;
}

/** `Type/id` under which the server keeps what it was sent, as far as its answer says. */
export function keptAs(answer: HttpAnswer, type: string): string | undefined {
  const location = answer.headers.location ?? answer.headers['content-location'] ?? '';
  const name = new RegExp(`(?:^|/)(${type}/[A-Za-z0-9\\-.]{1,64})(?:/_history/|$)`).exec(location)?.[1];
  if (name !== undefined) return name;
  const kept = jsonOf(answer);
  const id = kept?.['resourceType'] === type ? kept['id'] : undefined;
  return typeof id === 'string' && /^[A-Za-z0-9\-.]{1,64}$/.test(id) ? `${type}/${id}` : undefined;
}

function refused(status: number, code: string | undefined, what: string): EngineError {
  const why = code === undefined ? '' : ` (${code})`;
  return new EngineError(
    'rejected',
    'FHIR_REFUSED',
    `the server refuses ${what}this message with ${status}${why}`,
  );
}

function issueCode(outcome: Json | undefined): string | undefined {
  const issues = outcome?.['issue'];
  const code = Array.isArray(issues) ? objectOf(issues[0])?.['code'] : undefined;
  return typeof code === 'string' && ISSUE_CODES.has(code) ? code : undefined;
}

function jsonOf({ body, isWhole }: HttpAnswer): Json | undefined {
  if (!isWhole || body.length === 0) return undefined;
  try {
    return objectOf(JSON.parse(body.toString()));
  } catch {
    return undefined; // the status has said what matters; who needs more finds nothing
  }
}

function objectOf(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}
