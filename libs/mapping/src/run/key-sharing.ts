import type { KeySharing, Mapped } from './mapped.js';
import type { Run } from './run.js';

/** What is known of a key once a second text claims it. */
export function sharingOf(run: Run, id: string, first: Mapped): KeySharing {
  let sharing = run.sharedKeys.get(id);
  if (!sharing) {
    sharing = { first, last: first, byText: new Map([[textBetween(run, first.start, first.end), first]]) };
    run.sharedKeys.set(id, sharing);
  }
  return sharing;
}

/** One more text has a resource of its own under the key. */
export function share(run: Run, sharing: KeySharing, mapped: Mapped): void {
  sharing.last = mapped;
  sharing.byText.set(textBetween(run, mapped.start, mapped.end), mapped);
}

/** What an equal text made. */
export function claimedAs(run: Run, sharing: KeySharing, start: number, end: number): Mapped | undefined {
  return sharing.byText.get(textBetween(run, start, end));
}

function textBetween(run: Run, start: number, end: number): string {
  return run.text.slice(start, end).trimEnd();
}
