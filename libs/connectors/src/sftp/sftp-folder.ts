import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { FileEntryWithStats, Stats } from 'ssh2';
import { EngineError, isEngineError } from '#kernel';
import { checksumAlgorithms, checksumIn, namesFor, namesLike } from '../files/folder-names.js';
import type { Destiny, FolderFile, PolledFolder } from '../files/polled-folder.js';
import { type SftpAddress, SftpSession } from './sftp-session.js';

export interface SftpFolderOptions extends SftpAddress {
  readonly path: string;
  readonly pattern: string;
  readonly archive: string;
  readonly error: string;
  readonly needsChecksum: boolean;
  /** Folder of this machine for the one file that is being taken. */
  readonly spool: string;
  /** A larger file is not fetched. */
  readonly fileMaxBytes: number;
}

/** Codes of SFTP (draft-ietf-secsh-filexfer-02, 7). */
const noSuchFile = 2;
const filesMax = 100_000;

/**
 * A folder on an SFTP server. Moves are renames there, which OpenSSH refuses when the new name is taken; the bytes come over
 * before they are read, so that a connection that breaks costs a fetch and no half file is ever looked at.
 */
export class SftpFolder implements PolledFolder {
  readonly address: string;
  private readonly isAsked: (name: string) => boolean;
  private readonly folders: { readonly claimed: string } & Readonly<Record<Destiny, string>>;
  private session: SftpSession | undefined;

  constructor(private readonly options: SftpFolderOptions) {
    const { user, host, port, path } = options;
    this.address = `sftp://${user}@${host}:${port}${path.startsWith('/') ? '' : '/~/'}${path}`;
    this.isAsked = namesLike(options.pattern);
    this.folders = {
      claimed: posix.join(path, '.claimed'),
      archive: posix.isAbsolute(options.archive) ? options.archive : posix.join(path, options.archive),
      error: posix.isAbsolute(options.error) ? options.error : posix.join(path, options.error),
    };
  }

  async claimed(): Promise<readonly FolderFile[]> {
    this.session?.close();
    this.session = await SftpSession.open(this.options);
    await rm(this.options.spool, { recursive: true, force: true });
    await mkdir(this.options.spool, { recursive: true, mode: 0o700 });
    return this.told(async () => {
      for (const folder of Object.values(this.folders)) {
        if ((await this.facts(folder)) === undefined)
          await this.open.ask<void>((sftp, done) => sftp.mkdir(folder, { mode: 0o700 }, done));
      }
      return this.filesIn(this.folders.claimed);
    });
  }

  list(): Promise<readonly FolderFile[]> {
    return this.told(() => this.filesIn(this.options.path));
  }

  claim(name: string): Promise<boolean> {
    return this.told(async () => {
      const { path, needsChecksum } = this.options;
      const { claimed } = this.folders;
      const there = async (folder: string, file: string) =>
        (await this.facts(posix.join(folder, file))) !== undefined;
      if (await there(claimed, name)) return false;
      const sums = checksumAlgorithms.map((algorithm) => `${name}.${algorithm}`);
      let hasSum = false;
      for (const sum of sums) {
        if (await there(path, sum)) {
          hasSum = true;
          await this.move(posix.join(path, sum), posix.join(claimed, sum));
        } else hasSum ||= await there(claimed, sum);
      }
      if (needsChecksum && !hasSum) return false;
      return this.move(posix.join(path, name), posix.join(claimed, name));
    });
  }

  fetch(name: string) {
    return this.told(async () => {
      const remote = posix.join(this.folders.claimed, name);
      const { size } = (await this.facts(remote)) ?? { size: 0 };
      const path = join(this.options.spool, 'file');
      const bytes = { path, size };
      if (size > this.options.fileMaxBytes) return { bytes };
      await this.copy(remote, path);
      if ((await stat(path)).size !== size)
        throw new EngineError(
          'unavailable',
          'SFTP_FETCH_SHORT',
          'the file came over incomplete; it is fetched again',
        );
      for (const algorithm of checksumAlgorithms) {
        if ((await this.facts(`${remote}.${algorithm}`)) === undefined) continue;
        const text = await this.open.ask<Buffer>((sftp, done) =>
          sftp.readFile(`${remote}.${algorithm}`, done),
        );
        return {
          bytes,
          checksum: { algorithm, hex: checksumIn(text.toString('latin1'), algorithm) ?? 'none' },
        };
      }
      return { bytes };
    });
  }

  async finish(name: string, destiny: Destiny, report: string): Promise<void> {
    await this.told(async () => {
      const { claimed, [destiny]: folder } = this.folders;
      const kept = await this.freeName(folder, name);
      await this.write(posix.join(folder, `${kept}.report.json`), report);
      for (const algorithm of checksumAlgorithms)
        await this.move(
          posix.join(claimed, `${name}.${algorithm}`),
          posix.join(folder, `${kept}.${algorithm}`),
        );
      await this.move(posix.join(claimed, name), posix.join(folder, kept));
    });
    await rm(join(this.options.spool, 'file'), { force: true });
  }

  async close(): Promise<void> {
    this.session?.close();
    await rm(this.options.spool, { recursive: true, force: true });
  }

  private get open(): SftpSession {
    if (this.session?.isOpen === true) return this.session;
    throw new EngineError('unavailable', 'SFTP_CONNECTION_LOST', 'the connection to the SFTP server is gone');
  }

  /** Errors of the server as ours; their texts may hold names of files. */
  private async told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (isEngineError(cause)) throw cause;
      const code = (cause as { code?: number | string }).code ?? 'none';
      const reason =
        this.session?.isOpen === true
          ? `the SFTP server refuses (code ${code}); check path and rights`
          : 'the connection is gone';
      throw new EngineError('unavailable', 'SFTP_FAILED', reason, { cause });
    }
  }

  private async filesIn(folder: string): Promise<FolderFile[]> {
    const entries = await this.open.ask<FileEntryWithStats[]>((sftp, done) => sftp.readdir(folder, done));
    return entries
      .slice(0, filesMax)
      .flatMap(({ filename, attrs }) =>
        attrs.isFile() && this.isAsked(filename) && !/[/\\\0]/.test(filename)
          ? [{ name: filename, size: attrs.size, modifiedMs: attrs.mtime * 1_000 }]
          : [],
      );
  }

  /** Of the file itself, not of what it links to; undefined when there is none. */
  private async facts(path: string): Promise<Stats | undefined> {
    try {
      return await this.open.ask<Stats>((sftp, done) => sftp.lstat(path, done));
    } catch (error) {
      if ((error as { code?: number }).code === noSuchFile) return undefined;
      throw error;
    }
  }

  private async move(from: string, to: string): Promise<boolean> {
    try {
      await this.open.ask<void>((sftp, done) => sftp.rename(from, to, done));
      return true;
    } catch (error) {
      if ((error as { code?: number }).code === noSuchFile) return false;
      throw error;
    }
  }

  private async freeName(folder: string, name: string): Promise<string> {
    for (const candidate of namesFor(name, Date.now()))
      if ((await this.facts(posix.join(folder, candidate))) === undefined) return candidate;
    throw new EngineError(
      'unavailable',
      'FOLDER_NAMES_TAKEN',
      `every name for a file in ${folder} is taken; empty it`,
    );
  }

  private async copy(remote: string, path: string): Promise<void> {
    await pipeline(this.open.sftp.createReadStream(remote), createWriteStream(path, { mode: 0o600 }));
  }

  /** Under another name first, so that a report is whole or not there. */
  private async write(path: string, text: string): Promise<void> {
    const half = `${path}.tmp`;
    await this.open.ask<void>((sftp, done) => sftp.writeFile(half, text, { mode: 0o600 }, done));
    if ((await this.facts(path)) !== undefined)
      await this.open.ask<void>((sftp, done) => sftp.unlink(path, done));
    await this.move(half, path);
  }
}
