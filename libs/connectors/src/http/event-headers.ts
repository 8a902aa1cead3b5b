import type { Outbound } from '#channel';
import { formatPosition } from '#kernel';

/** Names the stream in which an event has its number. */
export function streamOf({ destination, partition }: Outbound): string {
  return `${destination}/${partition}`;
}

/** By what a receiver tells events apart: name, value, name, value. */
export function streamHeaders(outbound: Outbound): string[] {
  const { number, position } = outbound;
  return [
    'suture-stream',
    streamOf(outbound),
    'suture-event-number',
    String(number),
    'suture-position',
    formatPosition(position),
  ];
}
