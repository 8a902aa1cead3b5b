import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { FhirObject } from '#fhir';
import { journalMigrations } from '#journal';
import { systemClock, systemRandom } from '#kernel';
import { MessageWriter, storeMigrations } from '#store';
import { TopicCatalog } from '#topics';
import { createTestDatabase, type TestDatabase } from '../../../database/testing/test-database.js';
import { Router } from '../route-message.js';
import { WriteResources } from './write-resources.js';

const topics = TopicCatalog.open(join(import.meta.dirname, '../../../../mappings/topics'));
const admissions = 'https://suture.example/SubscriptionTopic/admissions';

let fixture: TestDatabase;
/** Deliveries that each commit made. */
const made: number[] = [];

beforeAll(async () => {
  fixture = await createTestDatabase([...journalMigrations, ...storeMigrations]);
});
afterAll(() => fixture.remove());

test('a change that a client makes is compared with the version before, for topics that ask for it', async () => {
  await fixture.database.query(
    "INSERT INTO destination (name, kind, criteria) VALUES ('admissions', 'subscription', $1)",
    [admissions],
  );
  const writes = new WriteResources(
    fixture.database,
    new MessageWriter('test', systemRandom),
    new Router(new Map(), topics),
    {
      tenant: 'test',
      engineVersion: '0.0.0-test',
      random: systemRandom,
      clock: systemClock,
      onWritten: (deliveries) => made.push(deliveries),
    },
  );
  const put = (more: FhirObject) =>
    writes.run(
      [
        {
          method: 'PUT',
          type: 'Encounter',
          id: 'e1',
          resource: { resourceType: 'Encounter', id: 'e1', class: { code: 'IMP' }, ...more },
        },
      ],
      { raw: Buffer.from('PUT'), ownUrl: undefined, mayAsk: () => {} },
    );
  await put({ status: 'planned' });
  await put({ status: 'in-progress' });
  // Admitted it was before: this is no admission.
  await put({ status: 'in-progress', language: 'de' });
  await put({ status: 'finished' });
  expect(made).toEqual([0, 1, 0, 0]);
});
