import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../load/bench-messages.js';
import { loadTemplates, type MessageTemplate } from '../load/message-templates.js';

/** What the channel of these tests takes. */
const TAKEN = /^(adt-a0[148]|oru-r01|vxu-v04)\//;

/** The sample messages that ship with the project. */
export const samplesDirectory = join(repositoryRoot, 'test/fixtures/hl7v2');

export interface Sample {
  readonly file: string;
  readonly raw: Buffer;
}

/** In the order in which a person would send the folder. */
export function samples(): Sample[] {
  return allSamples().filter(({ file }) => TAKEN.test(file));
}

/** With those that only the sample channel of a hospital takes. */
export function allSamples(): Sample[] {
  return readdirSync(samplesDirectory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.hl7'))
    .sort()
    .map((file) => ({ file, raw: readFileSync(join(samplesDirectory, file)) }));
}

const results = (): MessageTemplate[] => loadTemplates(join(samplesDirectory, 'oru-r01'));

/** Laboratory results to send with control ids of one's own. */
export const resultTemplates: readonly MessageTemplate[] = results().filter(
  ({ file }) => file === 'cbc-panel.hl7' || file === 'critical-potassium.hl7',
);

/** A result under its own control id, of the patient of the samples or of another; without MLLP framing. */
export function result(controlId: string, patient?: string): Buffer {
  const template = resultTemplates.find(({ file }) => file === 'critical-potassium.hl7');
  if (template === undefined) throw new Error('the sample is gone');
  return template.make(controlId, patient).subarray(1, -2);
}

/** The patient of the samples, by the identifier that the hospital gave. */
export const SAMPLE_PATIENT = 'MRN-004711';

/** A message whose mapping has a mistake until somebody corrects it. */
export function clinicalStudy(controlId: string): Buffer {
  return Buffer.from(
    [
      `MSH|^~\\&|STUDY|OGH|SUTURE|OGH|20240301120000+0100||CRM^C01^CRM_C01|${controlId}|P|2.5.1`,
      'PID|1||STUDY-7^^^OGH^MR||Teststudie^Anna||19700101|F',
      'CSR|S-1^OGH||OGH|P-1|||20240301',
      '',
    ].join('\r'),
  );
}
