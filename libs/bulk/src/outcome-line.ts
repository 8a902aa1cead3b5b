/** A problem that a file of a job tells of. */
export interface TellableProblem {
  readonly code: string;
  readonly message: string;
  /** The element or resource, where one is to blame. */
  readonly at: string | undefined;
  readonly diagnostics?: string;
}

/** The OperationOutcome of a problem, as a line of NDJSON. */
export function outcomeLine({ code, message, at, diagnostics }: TellableProblem): string {
  return JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: [
      {
        severity: 'error',
        code: 'processing',
        details: { coding: [{ system: 'urn:x-suture:error', code }], text: message },
        ...(diagnostics === undefined ? {} : { diagnostics }),
        ...(at === undefined ? {} : { expression: [at] }),
      },
    ],
  });
}
