/** What one sender knows: control ids of one patient in the order of sending, and which of them were acknowledged. */
export interface SenderLog {
  readonly patient: string;
  readonly sent: readonly string[];
  readonly acknowledged: ReadonlySet<string>;
}

/** One delivery, in the order in which the receiver took it. */
export interface ReceiverEntry {
  readonly stream: string;
  readonly number: number;
  readonly position: string;
}

/** One row of the store: a journaled message, and whether it has an outcome. */
export interface StoreEntry {
  readonly position: string;
  readonly controlId: string;
  readonly hasOutcome: boolean;
}

export interface Verdict {
  readonly acknowledged: number;
  readonly delivered: number;
  /** Sent again under the same number: allowed, a receiver drops it. */
  readonly repeated: number;
  /** Each is a sentence that names what was broken; empty when everything held. */
  readonly breaches: readonly string[];
}

/** Of each kind: enough to see what happened, few enough to read, and no kind hides another. */
const MAX_BREACHES = 50;

/**
 * Compares three logs that were kept independently of each other: what senders were promised, what a receiver saw, what the
 * store holds. Pure: the same logs give the same verdict.
 */
export function checkLogs(
  senders: readonly SenderLog[],
  receiver: readonly ReceiverEntry[],
  store: readonly StoreEntry[],
): Verdict {
  const breaches: string[] = [];
  const positions = storedOnce(store, breaches);
  const first = receivedInOrder(receiver, breaches);
  for (const sender of senders) nothingLost(sender, positions, first.byPosition, breaches);
  for (const sender of senders) nothingReordered(sender, positions, first.byPosition, breaches);
  for (const entry of store) {
    if (!entry.hasOutcome)
      breaches.push(`no outcome: message ${entry.position} is journaled and nothing became of it`);
  }
  return {
    acknowledged: senders.reduce((sum, sender) => sum + sender.acknowledged.size, 0),
    delivered: first.byPosition.size,
    repeated: first.repeated,
    breaches: firstOfEachKind(breaches),
  };
}

function firstOfEachKind(breaches: readonly string[]): string[] {
  const counts = new Map<string, number>();
  return breaches.filter((breach) => {
    const kind = breach.slice(0, breach.indexOf(':'));
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return count <= MAX_BREACHES;
  });
}

/** Position by control id. */
function storedOnce(store: readonly StoreEntry[], breaches: string[]): Map<string, string> {
  const positions = new Map<string, string>();
  for (const { controlId, position } of store) {
    const known = positions.get(controlId);
    if (known !== undefined) breaches.push(`stored twice: ${controlId} at ${known} and ${position}`);
    else positions.set(controlId, position);
  }
  return positions;
}

/** Numbers of a stream begin with 1, have no hole at first sight, and always mean the same message. */
function receivedInOrder(
  receiver: readonly ReceiverEntry[],
  breaches: string[],
): { byPosition: Map<string, number>; repeated: number } {
  const streams = new Map<string, Map<number, string>>();
  const byPosition = new Map<string, number>();
  const places = new Map<string, string>();
  let repeated = 0;
  for (const [arrival, { stream, number, position }] of receiver.entries()) {
    const numbers = streams.get(stream) ?? new Map<number, string>();
    streams.set(stream, numbers);
    const known = numbers.get(number);
    if (known !== undefined) {
      repeated++;
      if (known !== position)
        breaches.push(`number reused: ${stream} ${number} was ${known} and is ${position}`);
      continue;
    }
    if (number !== numbers.size + 1)
      breaches.push(`out of order: ${stream} ${number} came after ${numbers.size}`);
    numbers.set(number, position);
    const place = `${stream} ${number}`;
    const former = places.get(position);
    if (former !== undefined) breaches.push(`delivered twice: ${position} as ${former} and as ${place}`);
    places.set(position, place);
    if (!byPosition.has(position)) byPosition.set(position, arrival);
  }
  return { byPosition, repeated };
}

function nothingLost(
  { patient, acknowledged }: SenderLog,
  positions: ReadonlyMap<string, string>,
  arrivals: ReadonlyMap<string, number>,
  breaches: string[],
): void {
  for (const controlId of acknowledged) {
    const position = positions.get(controlId);
    if (position === undefined)
      breaches.push(`lost: ${controlId} of ${patient} was acknowledged and is not stored`);
    else if (!arrivals.has(position))
      breaches.push(`not delivered: ${controlId} of ${patient} at ${position}`);
  }
}

/** A sender sends one after the other, so its messages must arrive in that order; those never acknowledged may be missing. */
function nothingReordered(
  { patient, sent }: SenderLog,
  positions: ReadonlyMap<string, string>,
  arrivals: ReadonlyMap<string, number>,
  breaches: string[],
): void {
  let latest = -1;
  let before = '';
  for (const controlId of sent) {
    const arrival = arrivals.get(positions.get(controlId) ?? '');
    if (arrival === undefined) continue;
    if (arrival < latest)
      breaches.push(`reordered: ${controlId} of ${patient} arrived before ${before}, which was sent first`);
    else {
      latest = arrival;
      before = controlId;
    }
  }
}
