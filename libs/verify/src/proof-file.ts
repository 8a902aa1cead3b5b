/** Names the format; another number is another format. */
const FORMAT = 'suture-proof-1';
const MAX_CHARACTERS = 256 * 1024 * 1024;

/** Everything a stranger needs to check one message offline, in one file. */
export interface ProofFile {
  /** `lane-partition-seq`. */
  readonly message: string;
  /** The exact leaf. */
  readonly entry: Buffer;
  readonly salt: Buffer;
  readonly raw: Buffer;
  /** The uncompressed pack: one resource per line. */
  readonly fhir: Buffer;
  /** C2SP tlog-proof: index, path, signed checkpoint. */
  readonly inclusion: string;
  /** The log's verifier key, for convenience: trust it only if you know it from elsewhere. */
  readonly key: string;
}

/** The JSON text of a proof file; bytes as base64. */
export function writeProofFile(proof: ProofFile): string {
  const { message, entry, salt, raw, fhir, inclusion, key } = proof;
  const opening = {
    salt: salt.toString('base64'),
    raw: raw.toString('base64'),
    fhir: fhir.toString('base64'),
  };
  const file = { format: FORMAT, message, entry: entry.toString('base64'), opening, inclusion, key };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** The inverse of `writeProofFile`; undefined for anything else. Safe for hostile input. */
export function readProofFile(text: string): ProofFile | undefined {
  if (text.length > MAX_CHARACTERS) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined; // no JSON is no proof file
  }
  if (textOf(json, 'format') !== FORMAT) return undefined;
  const opening = fieldOf(json, 'opening');
  const message = textOf(json, 'message');
  const entry = bytesOf(json, 'entry');
  const salt = bytesOf(opening, 'salt');
  const raw = bytesOf(opening, 'raw');
  const fhir = bytesOf(opening, 'fhir');
  const inclusion = textOf(json, 'inclusion');
  const key = textOf(json, 'key');
  if (message === undefined || inclusion === undefined || key === undefined) return undefined;
  if (entry === undefined || salt === undefined || raw === undefined || fhir === undefined) return undefined;
  return { message, entry, salt, raw, fhir, inclusion, key };
}

function fieldOf(json: unknown, name: string): unknown {
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, name)) return undefined;
  return (json as Record<string, unknown>)[name];
}

function textOf(json: unknown, name: string): string | undefined {
  const value = fieldOf(json, name);
  return typeof value === 'string' ? value : undefined;
}

function bytesOf(json: unknown, name: string): Buffer | undefined {
  const text = textOf(json, name);
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is no base64; only the one right spelling is accepted.
  return bytes.toString('base64') === text ? bytes : undefined;
}
