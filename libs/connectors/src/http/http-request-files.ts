import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Busboy } from '@fastify/busboy';
import { EngineError } from '#kernel';

/** Limits of a form: its files, other fields, header lines of a part. */
const formLimits = {
  files: 100,
  fields: 100,
  parts: 200,
  headerPairs: 20,
  headerSize: 8_192,
  fieldSize: 65_536,
};

/** Whether the body is of a kind that is read: not encoded, and a file itself or a form of files. */
export function isTakenKind(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['content-encoding'] ?? 'identity';
  const type = (headers['content-type'] ?? '').toLowerCase();
  const isOtherForm = /^(?:application\/x-www-form-urlencoded|multipart\/(?!form-data))/.test(type);
  return encoding === 'identity' && !isOtherForm;
}

/** The whole body, at most `maxBytes`. `rejected` FILE_OVER_MAX_SIZE, HTTP_BODY_BROKEN_OFF. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      bytes += (chunk as Buffer).length;
      if (bytes > maxBytes) break;
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    throw new EngineError('rejected', 'HTTP_BODY_BROKEN_OFF', 'the request broke off', { cause });
  }
  if (bytes > maxBytes)
    throw new EngineError('rejected', 'FILE_OVER_MAX_SIZE', `at most ${maxBytes} bytes are taken (max_size)`);
  return Buffer.concat(chunks);
}

/** The files of a request: its body, or those of its form. `rejected` HTTP_FORM_MALFORMED. */
export async function filesOf(headers: IncomingHttpHeaders, body: Buffer): Promise<Buffer[]> {
  const type = headers['content-type'] ?? '';
  if (!/^multipart\/form-data/i.test(type)) return [body];
  const files: Buffer[] = [];
  try {
    await parsed(type, body, files);
  } catch (cause) {
    throw new EngineError('rejected', 'HTTP_FORM_MALFORMED', 'the form cannot be read', { cause });
  }
  if (files.length === 0) throw new EngineError('rejected', 'HTTP_FORM_MALFORMED', 'the form holds no file');
  return files;
}

function parsed(type: string, body: Buffer, files: Buffer[]): Promise<void> {
  return new Promise((done, fail) => {
    const form = new Busboy({ headers: { 'content-type': type }, limits: formLimits });
    form.on('file', (_field, stream) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => files.push(Buffer.concat(chunks)));
      stream.on('error', fail);
    });
    for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const)
      form.on(limit, () => fail(new Error(limit)));
    form.on('error', fail);
    form.on('finish', () => done());
    form.end(body);
  });
}
