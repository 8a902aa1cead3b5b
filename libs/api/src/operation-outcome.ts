/** One issue of an OperationOutcome (R4). */
export interface OutcomeIssue {
  readonly severity: 'fatal' | 'error' | 'warning' | 'information';
  /** Value set issue-type. */
  readonly issue: string;
  /** Stable code of ours. */
  readonly code: string;
  readonly message: string;
  /** Where: `http.name` for a query parameter, a path for an element. */
  readonly at?: string | undefined;
}

const CODE_SYSTEM = 'urn:x-suture:error';

/** The JSON of an OperationOutcome that says what is wrong, where, and why. */
export function operationOutcome(issues: readonly OutcomeIssue[]): string {
  return JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: issues.map(({ severity, issue, code, message, at }) => ({
      severity,
      code: issue,
      details: { coding: [{ system: CODE_SYSTEM, code }], text: message },
      ...(at === undefined ? {} : { expression: [at] }),
    })),
  });
}
