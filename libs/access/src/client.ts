import type { KeyObject } from 'node:crypto';
import type { Scope } from './scope.js';

/** The algorithms that SMART asks every server for. */
export const signingAlgorithms = ['ES384', 'RS384'] as const;

/** A program that the operator has registered. */
export interface Client {
  readonly id: string;
  /** The most that it may be granted. */
  readonly scopes: readonly Scope[];
  /** Its public keys by `kid`. */
  readonly keys: ReadonlyMap<string, KeyObject>;
}
