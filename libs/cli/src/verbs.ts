import type { Verb } from './verb.js';

export interface VerbEntry {
  readonly summary: string;
  /** What help sorts by: what a person wants to do. */
  readonly group: 'Files, offline' | 'Messages' | 'Proof' | 'Operation';
  /** Each verb is loaded when it is called, so that an offline one never waits for database code. */
  load(): Promise<Verb>;
}

/** Every word after `suture`, in the order of the help. */
export const verbs: Readonly<Record<string, VerbEntry>> = {
  validate: {
    summary: 'check channel files and mappings: file, line, what is wrong, what to do',
    group: 'Files, offline',
    load: async () => (await import('./verbs/validate.js')).validate,
  },
  test: {
    summary: 'run the tests that stand beside the mappings',
    group: 'Files, offline',
    load: async () => (await import('./verbs/test-mappings.js')).testMappings,
  },
  convert: {
    summary: 'message files to FHIR bundles, with a report for each',
    group: 'Files, offline',
    load: async () => (await import('./verbs/convert.js')).convert,
  },
  explain: {
    summary: 'what became of every field of a message: mapped, dropped, unmapped',
    group: 'Files, offline',
    load: async () => (await import('./verbs/explain.js')).explain,
  },
  infer: {
    summary: 'draft a channel and a mapping from a CSV file or HL7 messages',
    group: 'Files, offline',
    load: async () => (await import('./verbs/infer.js')).infer,
  },
  send: {
    summary: 'send message files over MLLP and show each acknowledgment',
    group: 'Messages',
    load: async () => (await import('./verbs/send.js')).send,
  },
  tap: {
    summary: 'follow messages as they arrive (no content)',
    group: 'Messages',
    load: async () => (await import('./verbs/tap.js')).tap,
  },
  trace: {
    summary: 'everything that happened to one message, by any id',
    group: 'Messages',
    load: async () => (await import('./verbs/trace.js')).trace,
  },
  replay: {
    summary: 'run a message, or all dead letters, again',
    group: 'Messages',
    load: async () => (await import('./verbs/replay.js')).replay,
  },
  proof: {
    summary: 'write a proof file for a message',
    group: 'Proof',
    load: async () => (await import('./verbs/proof.js')).proof,
  },
  verify: {
    summary: 'check a proof file, offline',
    group: 'Proof',
    load: async () => (await import('./verbs/verify.js')).verify,
  },
  audit: {
    summary: 're-hash everything stored and name what was changed',
    group: 'Proof',
    load: async () => (await import('./verbs/audit.js')).audit,
  },
  doctor: {
    summary: 'check this installation and say what to do',
    group: 'Operation',
    load: async () => (await import('./verbs/doctor.js')).doctor,
  },
};
