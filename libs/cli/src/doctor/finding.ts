/** What one check found. `remedy` says what to do about `warn` and `fail`. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail';
  readonly check: string;
  readonly detail: string;
  readonly remedy?: string;
}

export function ok(check: string, detail: string): Finding {
  return { level: 'ok', check, detail };
}

/** Works, but wants a look. */
export function warn(check: string, detail: string, remedy: string): Finding {
  return { level: 'warn', check, detail, remedy };
}

/** Does not work. */
export function fail(check: string, detail: string, remedy: string): Finding {
  return { level: 'fail', check, detail, remedy };
}
