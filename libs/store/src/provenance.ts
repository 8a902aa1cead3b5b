import { hash } from 'node:crypto';
import type { FhirObject } from '#fhir';
import { formatPosition, stableId } from '#kernel';
import type { MessageOutcome, StoredResource } from './message-outcome.js';

const participantTypes = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';

/**
 * The Provenance of one message as JSON: what it touched (with versions), the source by hash, journal position and
 * control id, and the mapping by hash. A function of the message and of what it met in the store, so a re-run writes the same bytes.
 * `indexed` is what the index must hold of it: what the message changed leads to it by its pack, which spares nearly all.
 */
export function provenanceOf(
  tenant: string,
  message: MessageOutcome,
  targets: readonly StoredResource[],
): { id: string; text: string; indexed: FhirObject } {
  const position = formatPosition(message.position);
  const id = stableId(tenant, 'Provenance', [position]);
  let references = '';
  for (const { key, version } of targets)
    references += `${references === '' ? '' : ','}{"reference":"${key}/_history/${version}"}`;
  const recorded = new Date(message.receivedAtMs).toISOString();
  const channel = JSON.stringify(message.channelName);
  const controlId =
    message.controlId === undefined
      ? ''
      : `,{"role":"source","what":{"identifier":{"system":"urn:x-suture:message-control-id",` +
        `"value":${JSON.stringify(message.controlId)}}}}`;
  const digest = hash('sha256', message.raw, 'hex');
  const text =
    `{"resourceType":"Provenance","id":"${id}","target":[${references}],"recorded":"${recorded}",` +
    `"policy":["urn:x-suture:mapping:${message.mapping.toString('hex')}"],` +
    `"agent":[{"type":{"coding":[{"system":"${participantTypes}",` +
    `"code":"assembler"}]},"who":{"display":${channel}}}],` +
    `"entity":[{"role":"source","what":{"identifier":{"system":"urn:x-suture:message-sha256",` +
    `"value":"${digest}"},"display":"journal position ${position}"}}${controlId}]}`;
  const unchanged = targets.filter(({ changed }) => !changed);
  const indexed = {
    resourceType: 'Provenance',
    target: unchanged.map(({ key }) => ({ reference: key })),
    recorded,
    entity: [digest, message.controlId ?? ''].map((value) => ({ what: { identifier: { value } } })),
    agent: [{ type: { coding: [{ system: participantTypes, code: 'assembler' }] } }],
  };
  return { id, text, indexed };
}
