/** One notification as a subscriber saw it. */
export interface SeenNotification {
  /** Whether it was answered with 2xx to the end: the engine may forget even that in a crash. */
  readonly taken: boolean;
  /** Each event: its number, and all that was said of it. */
  readonly events: readonly { readonly number: number; readonly about: string }[];
}

/**
 * What a subscription promises: numbers 1 to n, none before its predecessor, each at least once taken, and a number always
 * means the same event. Answers what was broken, and how many events came more than once.
 */
export function checkNotifications(
  seen: readonly SeenNotification[],
  expected: number,
): { breaches: string[]; repeated: number } {
  const breaches: string[] = [];
  const about = new Map<number, string>();
  const taken = new Set<number>();
  let last = 0;
  let repeated = 0;
  for (const notification of seen) {
    for (const event of notification.events) {
      const before = about.get(event.number);
      if (event.number > last + 1) breaches.push(`event gap: ${event.number} came after ${last}`);
      if (before === undefined) about.set(event.number, event.about);
      else repeated += 1;
      if (before !== undefined && before !== event.about)
        breaches.push(`event number reused: ${event.number} is of two events`);
      last = Math.max(last, event.number);
      if (notification.taken) taken.add(event.number);
    }
    // Within a notification, and after one that was taken, numbers only go on; only what may be lost comes again.
    const numbers = notification.events.map(({ number }) => number);
    if (numbers.some((number, index) => index > 0 && number !== (numbers[index - 1] ?? 0) + 1))
      breaches.push(`event order: ${numbers.join(', ')} in one notification`);
  }
  for (let number = 1; number <= expected; number++)
    if (!taken.has(number)) breaches.push(`event lost: ${number} was never taken`);
  if (last > expected) breaches.push(`event invented: ${last} of ${expected}`);
  if (new Set(about.values()).size !== about.size)
    breaches.push('event told twice: two numbers are of one event');
  return { breaches, repeated };
}
