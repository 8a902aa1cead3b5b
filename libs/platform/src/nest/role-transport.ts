/** One role's way in, as a Nest transport; the app starts and stops them one after the other in a fixed order. */
export interface RoleTransport {
  /** What a person should know once it runs: addresses, or nothing. */
  readonly announcements: readonly string[];
  /** Undefined when all is well, otherwise why the role does not do its work. */
  trouble(): string | undefined;
}

/**
 * Roles in the order in which they start, and stop: along the way of a message. Senders wait least at a start, and what
 * they sent last goes furthest before the end.
 */
export const roleNames = ['ingest', 'files', 'transform', 'deliver', 'anchor'] as const;
export type RoleName = (typeof roleNames)[number];

/** Injection token of the transport of a role; only apps with the role have it. Files are always taken in a thread. */
export const transportOf: Readonly<Record<RoleName, symbol>> = {
  anchor: Symbol('anchor transport'),
  deliver: Symbol('deliver transport'),
  transform: Symbol('transform transport'),
  ingest: Symbol('ingest transport'),
  files: Symbol('files transport'),
};

/** Says which transport a controller's handlers belong to, so that roles of one process do not get each other's. */
export const transportId: Readonly<Record<RoleName, symbol>> = {
  anchor: Symbol.for('suture anchor'),
  deliver: Symbol.for('suture deliver'),
  transform: Symbol.for('suture transform'),
  ingest: Symbol.for('suture ingest'),
  files: Symbol.for('suture files'),
};
