import type { FileBytes } from './file-pieces.js';
import type { FileFacts } from './take-file.js';

export interface FolderFile {
  readonly name: string;
  readonly size: number;
  readonly modifiedMs: number;
}

/** Where a file goes when it has been taken. */
export type Destiny = 'archive' | 'error';

/**
 * A folder that files are taken from, here or on a server. It has one taker at a time, and a file is in one place at any
 * moment: in the folder, claimed, in the archive or among the errors; so after a crash what is claimed is to be taken again.
 * Throws `unavailable` or `misconfigured` when the folder cannot be reached or used.
 */
export interface PolledFolder {
  /** For people. */
  readonly address: string;
  /** Opens the folder if it is not open, and tells what is claimed, in no order. */
  claimed(): Promise<readonly FolderFile[]>;
  /** Regular files whose names are asked for, in no order. */
  list(): Promise<readonly FolderFile[]>;
  /** Takes a file, and the checksum beside it, out of the folder; false when it is no longer there. */
  claim(name: string): Promise<boolean>;
  /** The bytes of a claimed file, to be read on this machine. */
  fetch(name: string): Promise<{ readonly bytes: FileBytes } & Pick<FileFacts, 'checksum'>>;
  /** Puts a claimed file where it belongs, under a name that nothing there has, with the report beside it first. */
  finish(name: string, destiny: Destiny, report: string): Promise<void>;
  close(): Promise<void>;
}
