import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { storeResources } from '../../store/testing/store-resources.js';
import { type ApiServer, startApiServer } from '../testing/api-server.js';

const STATEMENT_MS = 200;
let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer(undefined, { searchStatementMs: STATEMENT_MS });
});
afterAll(() => server.close());

test('while the index is brought up to a new build, answers say that some may be missing', async () => {
  const { database } = server.fixture;
  await storeResources(database, 1, ['{"resourceType":"Patient","id":"a","birthDate":"2001"}']);
  await database.query('UPDATE search_index SET version = 0');
  const answer = await server.send('GET', '/fhir/Patient?birthdate=2001');
  const entries = answer.json()['entry'] as { search: { mode: string }; resource: { issue?: unknown } }[];
  expect(entries.map(({ search }) => search.mode)).toEqual(['match', 'outcome']);
  expect(entries[1]?.resource.issue).toEqual([
    expect.objectContaining({ severity: 'warning', code: 'incomplete' }),
  ]);
  await database.query('UPDATE search_index SET version = 1000');
});

test('a search that the database does not answer in time is ended there, and told what to do', async () => {
  const { database } = server.fixture;
  await database.transaction(async (tx) => {
    await tx.query('LOCK TABLE search_term IN ACCESS EXCLUSIVE MODE'); // every search waits for this
    const startedMs = Date.now();
    const answer = await server.send('GET', '/fhir/Patient?identifier=1');
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(STATEMENT_MS);
    expect(answer.status).toBe(503);
    const [issue] = answer.json()['issue'] as { code: string; details: { text: string } }[];
    expect(issue?.code).toBe('timeout');
    expect(issue?.details.text).toContain('narrow it down');
    const waiting = await tx.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    expect(waiting).toEqual([]);
  });
  expect((await server.send('GET', '/fhir/Patient?identifier=1')).status).toBe(200);
});
