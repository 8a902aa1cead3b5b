import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { type FileProblem, firstFiles } from '#declaration';
import type { Client } from './client.js';
import { publicKeysOf } from './client-keys.js';
import { parseScope, type Scope } from './scope.js';

/** Larger is no client file. */
const MAX_FILE_BYTES = 256 * 1024;
const MAX_CLIENTS = 1_000;
const MAX_SCOPES = 200;

export interface LoadedClients {
  readonly clients: ReadonlyMap<string, Client>;
  /** Each names file, line, column and remedy; the clients above are served without the files that have problems. */
  readonly problems: readonly FileProblem[];
  /** The files of keys that client files name, whether they can be read or not. */
  readonly keyFiles: readonly string[];
}

/** True for the name of a file that says who a client is. */
export function isClientFile(name: string): boolean {
  return /\.ya?ml$/.test(name);
}

/** Reads every `*.yaml` in `directory`; without such a folder there are no clients. A file with a mistake gives problems and no client. */
export function loadClients(directory: string): LoadedClients {
  const problems: FileProblem[] = [];
  const clients = new Map<string, Client>();
  const keyFiles: string[] = [];
  for (const name of namesIn(directory, problems)) {
    const reader = new ClientFile(join(directory, name), problems, keyFiles);
    const client = reader.read();
    if (client === undefined) continue;
    if (clients.has(client.id))
      reader.note(
        undefined,
        'CLIENT_TWICE',
        `the client '${client.id}' stands in another file too`,
        'rename one of them',
      );
    else clients.set(client.id, client);
  }
  return { clients, problems, keyFiles };
}

function namesIn(directory: string, problems: FileProblem[]): string[] {
  try {
    return firstFiles(directory, readdirSync(directory).filter(isClientFile), MAX_CLIENTS, problems);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    const message = `the folder of clients cannot be read (${code ?? 'unknown'})`;
    const remedy = 'let the account of the engine read it, or point SUTURE_CLIENTS to another folder';
    problems.push({ file: directory, line: 0, column: 0, code: 'CLIENT_FOLDER_UNREADABLE', message, remedy });
    return [];
  }
}

/** Reads one file, noting what is wrong with it. */
class ClientFile {
  private readonly lines = new LineCounter();
  private isGood = true;

  constructor(
    private readonly file: string,
    private readonly problems: FileProblem[],
    private readonly keyFiles: string[],
  ) {}

  note(node: Node | undefined, code: string, message: string, remedy: string): void {
    this.isGood = false;
    const { line, col } = this.lines.linePos(node?.range?.[0] ?? 0);
    this.problems.push({
      file: this.file,
      line: Math.max(line, 1),
      column: Math.max(col, 1),
      code,
      message,
      remedy,
    });
  }

  read(): Client | undefined {
    const text = this.textOf(this.file, undefined);
    if (text === undefined) return undefined;
    const document = parseDocument(text, { lineCounter: this.lines, uniqueKeys: true });
    const [error] = document.errors;
    if (error !== undefined) {
      const [{ line, col } = { line: 1, col: 1 }] = error.linePos ?? [];
      const message = error.message.split('\n')[0] ?? 'malformed YAML';
      const place = { file: this.file, line, column: col, code: 'CLIENT_FILE_MALFORMED' };
      this.problems.push({ ...place, message, remedy: 'correct the YAML' });
      return undefined;
    }
    if (!isMap(document.contents)) {
      this.note(undefined, 'CLIENT_FILE_MALFORMED', 'the file is no client', 'write client, scopes and keys');
      return undefined;
    }
    const members = new Map<string, Node>();
    for (const { key, value } of document.contents.items) {
      const name = isScalar(key) ? String(key.value) : '';
      if (['client', 'scopes', 'keys'].includes(name)) members.set(name, value as Node);
      else
        this.note(
          key as Node,
          'CLIENT_KEY_UNKNOWN',
          `unknown key '${name}'`,
          'known here: client, scopes, keys',
        );
    }
    const id = this.idOf(members.get('client'));
    const scopes = this.scopesOf(members.get('scopes'));
    const keys = this.keysOf(members.get('keys'));
    return this.isGood ? { id, scopes, keys } : undefined;
  }

  private idOf(node: Node | undefined): string {
    const id = isScalar(node) && typeof node.value === 'string' ? node.value : '';
    if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(id)) return id;
    this.note(
      node,
      'CLIENT_VALUE_WRONG',
      'client is the name that the client gives itself in iss and sub',
      'write client: and 1 to 64 letters, digits, dots, hyphens',
    );
    return id;
  }

  private scopesOf(node: Node | undefined): Scope[] {
    const scopes: Scope[] = [];
    const items = isSeq(node) ? node.items : [];
    if (items.length > MAX_SCOPES)
      this.note(
        node,
        'CLIENT_VALUE_WRONG',
        `there are more than ${MAX_SCOPES} scopes`,
        'write system/*.rs and the like for many types',
      );
    for (const item of items.slice(0, MAX_SCOPES)) {
      const scope = isScalar(item) ? parseScope(String(item.value)) : undefined;
      if (scope !== undefined) scopes.push(scope);
      else
        this.note(
          item as Node,
          'CLIENT_VALUE_WRONG',
          'this is no system scope',
          'write system/Type.cruds with some of these letters in this order, or system/*.rs for every type',
        );
    }
    if (items.length === 0)
      this.note(node, 'CLIENT_VALUE_WRONG', 'scopes are missing', 'write scopes: [system/Patient.rs]');
    return scopes;
  }

  /** Inline, or `file:` and a path that begins at the folder of the client file. */
  private keysOf(node: Node | undefined): Client['keys'] {
    let jwks: unknown = isMap(node) ? node.toJSON() : undefined;
    const reference = isScalar(node) ? /^file:(.+)$/.exec(String(node.value))?.[1] : undefined;
    if (reference !== undefined) {
      const path = resolve(dirname(this.file), reference);
      this.keyFiles.push(path);
      const text = this.textOf(path, node);
      if (text === undefined) return new Map();
      jwks = parsed(text);
    }
    const { keys, mistakes } = publicKeysOf(jwks);
    for (const { message, remedy } of mistakes) this.note(node, 'CLIENT_KEY_UNUSABLE', message, remedy);
    return keys;
  }

  private textOf(path: string, node: Node | undefined): string | undefined {
    try {
      const text = readFileSync(path, 'utf8');
      if (Buffer.byteLength(text) <= MAX_FILE_BYTES) return text;
      this.note(
        node,
        'CLIENT_FILE_UNREADABLE',
        'the file is larger than 256 KiB',
        'leave in it what belongs to one client',
      );
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? 'unknown';
      const what = node === undefined ? 'the file' : 'the file that keys names';
      this.note(
        node,
        'CLIENT_FILE_UNREADABLE',
        `${what} cannot be read (${why})`,
        'let the account of the engine read it',
      );
    }
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told as keys that are none.
    return undefined;
  }
}
