import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A message cut around MSH-10 (and, if asked, PID-3.1), so that making one more is a concatenation. */
export interface MessageTemplate {
  readonly file: string;
  make(controlId: string, patient?: string): Buffer;
}

const VT = '\x0b';
const END = '\x1c\r';

/** Every `.hl7` file of `directory`, one message each, as MLLP frames with a control id to fill in. */
export function loadTemplates(directory: string): MessageTemplate[] {
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.hl7'))
    .sort();
  return files.map((file) => template(file, readFileSync(join(directory, file), 'latin1')));
}

function template(file: string, text: string): MessageTemplate {
  const segments = text
    .replace(/\r\n|\n/g, '\r')
    .replace(/\r+$/, '')
    .split('\r');
  const separator = segments[0]?.[3] ?? '|';
  const head = (segments[0] ?? '').split(separator);
  const before = Buffer.from(VT + head.slice(0, 9).join(separator) + separator, 'latin1');
  const rest = separator + head.slice(10).join(separator) + '\r';
  const after = Buffer.from(`${rest}${segments.slice(1).join('\r')}\r${END}`, 'latin1');
  const pid = segments.findIndex((segment) => segment.startsWith('PID'));
  const identifier = (segments[pid] ?? '').split(separator);
  const make = (controlId: string, patient?: string): Buffer => {
    if (patient === undefined || pid < 0)
      return Buffer.concat([before, Buffer.from(controlId, 'latin1'), after]);
    const fields = [...identifier];
    fields[3] = (fields[3] ?? '').replace(/^[^^~|]*/, patient);
    const changed = [...segments.slice(1, pid), fields.join(separator), ...segments.slice(pid + 1)];
    return Buffer.concat([before, Buffer.from(`${controlId}${rest}${changed.join('\r')}\r${END}`, 'latin1')]);
  };
  return { file, make };
}
