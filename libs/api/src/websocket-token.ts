import { createHmac, timingSafeEqual } from 'node:crypto';

/** Whom a binding token names, and until when it counts. */
export interface Binding {
  readonly subscriptions: readonly string[];
  readonly untilMs: number;
}

/** A token for `$get-ws-binding-token`: every process with the same secret understands it, none keeps it. */
export function bindingToken(binding: Binding, secret: string): string {
  const said = Buffer.from(JSON.stringify([binding.untilMs, ...binding.subscriptions])).toString('base64url');
  return `${said}.${signatureOf(said, secret)}`;
}

/** What a token says; undefined: it is not ours, or its time is over. */
export function readBindingToken(token: string, secret: string, nowMs: number): Binding | undefined {
  const [said = '', signature = ''] = token.split('.');
  const expected = Buffer.from(signatureOf(said, secret));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const [untilMs, ...subscriptions] = JSON.parse(Buffer.from(said, 'base64url').toString()) as [
    number,
    ...string[],
  ];
  return untilMs > nowMs ? { subscriptions, untilMs } : undefined;
}

function signatureOf(said: string, secret: string): string {
  return createHmac('sha256', `websocket binding ${secret}`).update(said).digest('base64url');
}
