import type { Database } from '#database';
import { type FhirObject, readJson, resourceTypeCode } from '#fhir';
import { systemRandom } from '#kernel';
import { type MessageOutcome, MessageWriter } from '../src/index.js';

/**
 * Stores resources as one message of partition 1 would. Each text is a whole resource, `resourceType` and `id` first.
 * `seq` must grow by one from call to call.
 */
export async function storeResources(
  database: Database,
  seq: number,
  texts: readonly string[],
): Promise<void> {
  const message: MessageOutcome = {
    position: { lane: 0, partition: 1, seq },
    kind: 0,
    channel: 1,
    channelName: 'lab',
    receivedAtMs: 1_700_000_000_000 + seq,
    state: 1,
    raw: Buffer.from(`raw ${seq}`),
    mapping: Buffer.alloc(32, 1),
    resources: texts.map((text) => {
      const resource = readJson(text) as FhirObject;
      const { resourceType, id } = resource as { resourceType: string; id: string };
      const key = `${resourceType}/${id}`;
      return { type: resourceType, id, key, merge: 'snapshot', resource, removals: [] };
    }),
  };
  const writer = new MessageWriter('test', systemRandom);
  await database.transaction((tx) =>
    writer.write(tx, [message], new Map([['0-1', Buffer.alloc(32)]]), () => []),
  );
}

/** What a DELETE through the API will write. */
export async function deleteResource(database: Database, type: string, id: string): Promise<void> {
  const key = [resourceTypeCode(type), id];
  await database.transaction(async (tx) => {
    await tx.query('INSERT INTO resource_history SELECT * FROM resource WHERE type = $1 AND id = $2', key);
    await tx.query(
      'UPDATE resource SET version = version + 1, deleted = true WHERE type = $1 AND id = $2',
      key,
    );
  });
}
