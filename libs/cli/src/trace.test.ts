import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DeliveryClaims } from '#delivery';
import { EngineError, formatPosition, type Position } from '#kernel';
import { labResult, SmallEngine, unmappable } from '../testing/small-engine.js';
import type { MessageFacts } from './message-facts.js';

let engine: SmallEngine;
let first: Position;
let second: Position;

beforeAll(async () => {
  engine = await SmallEngine.start();
  first = await engine.receive(labResult('TRACE-1', 'MRN-1', '5.1'));
  second = await engine.receive(labResult('TRACE-2', 'MRN-1', '6.8'));
  await engine.transform();
  await engine.anchor();
});
afterAll(() => engine.stop());

async function factsOf(id: string): Promise<MessageFacts> {
  const { heard } = await engine.run('trace', id, '--json');
  return (heard.json[0] as { message: MessageFacts }).message;
}

describe('suture trace', () => {
  test('tells the whole story of a message by its control id', async () => {
    const { code, heard } = await engine.run('trace', 'TRACE-1');
    expect(code).toBe(0);
    const steps = heard.answer.map((line) => line.trim().split(/ {2,}/)[0]);
    for (const step of [
      'received',
      'journaled',
      'acknowledged',
      'transformed',
      'stored',
      'delivery',
      'anchored',
    ])
      expect(steps).toContain(step);
    expect(heard.answer[0]).toContain(`message ${formatPosition(first)}  ORU^R01`);
    expect(heard.text).toMatch(/Observation\/\w+ {2}version 1/);
    expect(heard.text).toMatch(/anchored +leaf \d+, checkpoint of size 2/);
  });

  test('shows nothing of the content', async () => {
    const { heard } = await engine.run('trace', 'TRACE-2');
    const { heard: asJson } = await engine.run('trace', 'TRACE-2', '--json');
    for (const text of [heard.text, asJson.text])
      expect(text).not.toMatch(/Okafor|Ada|MRN-1|(?<!\d)6\.8(?!\d)|Potassium/);
  });

  test('finds the same message by position and by the id of a resource it made', async () => {
    const position = formatPosition(second);
    const byPosition = await factsOf(position);
    const observation = byPosition.outcome?.resources.find((resource) => resource.type === 'Observation');
    for (const id of [`Observation/${observation?.id}`, observation?.id ?? ''])
      expect((await factsOf(id)).position).toBe(position);
  });

  test('lists every message of a patient by identifier, newest first, with or without system', async () => {
    const { code, heard } = await engine.run('trace', 'MRN-1', '--json');
    const { messages, foundBy } = heard.json[0] as { messages: { position: string }[]; foundBy: string[] };
    expect(code).toBe(0);
    expect(foundBy).toEqual(['patient identifier']);
    expect(messages.map((message) => message.position)).toEqual([second, first].map(formatPosition));
    expect((await engine.run('trace', 'urn:other|MRN-1')).code).toBe(1);
    const limited = await engine.run('trace', 'MRN-1', '--limit', '1');
    expect(limited.heard.answer[0]).toMatch(/^more than 1 message/);
  });

  test('an id that nothing has is exit code 1', async () => {
    for (const id of ['NOTHING', '0-1-99999', '99999-99999-1', 'Patient/none', 'Nonsense/x', 'a|b'])
      expect((await engine.run('trace', id)).code).toBe(1);
  });

  test('follows a delivery from waiting over a failed attempt to sent', async () => {
    const position = formatPosition(first);
    expect((await factsOf(position)).deliveries).toMatchObject([
      { to: 'hospital.ward', state: 'waiting', ahead: 0 },
    ]);
    expect((await factsOf(formatPosition(second))).deliveries).toMatchObject([
      { state: 'waiting', ahead: 1 },
    ]);
    const claims = new DeliveryClaims(engine.database);
    const destination = await destinationOf('hospital.ward');
    const claim = await claims.take({ destination, partition: first.partition });
    expect((await factsOf(position)).deliveries).toMatchObject([{ state: 'sending' }]);
    const error = new EngineError('unavailable', 'TEST_BUSY', 'come back later');
    await claim?.advance({ number: 0, failure: { attempts: 2, error, retryAfterMs: 60_000 } });
    const { heard } = await engine.run('trace', position);
    expect(heard.text).toMatch(
      /retrying to hospital\.ward, event \d+-1, 2 attempts +next attempt in (1 min|60\.0 s|59)/,
    );
    expect(heard.text).toMatch(/last error: TEST_BUSY: come back later/);
    await claim?.advance({ number: 1, sent: { first: 1, last: 1, attempts: 3 } });
    await claim?.release();
    await claims.close();
    const [sent] = (await factsOf(position)).deliveries;
    expect(sent).toMatchObject({ state: 'sent', attempts: 3 });
    expect(sent?.atMs).toBeGreaterThan(0);
  });

  test('follows a FHIR subscription by its own event numbers', async () => {
    const { database } = engine;
    await database.query(
      "INSERT INTO destination (name, kind, criteria) VALUES ('Subscription/sub-1', 'subscription', 'Observation')",
    );
    const destination = await destinationOf('Subscription/sub-1');
    const position = await engine.receive(labResult('TRACE-4', 'MRN-4'));
    await engine.transform();
    const route = async () =>
      (await factsOf(formatPosition(position))).deliveries.find(({ to }) => to.startsWith('subscription'));
    expect(await route()).toMatchObject({ state: 'waiting' });
    expect(await route()).not.toHaveProperty('event');
    await database.query(
      "INSERT INTO subscription (destination, id, status, resource, number) VALUES ($1, 'sub-1', 'active', '{}', 1)",
      [destination],
    );
    const { lane, partition, seq } = position;
    await database.query('INSERT INTO subscription_event VALUES ($1, 1, $2, $3, $4)', [
      destination,
      lane,
      partition,
      seq,
    ]);
    expect(await route()).toMatchObject({ to: 'subscription sub-1', event: '1', state: 'waiting', ahead: 0 });
    await database.query(
      "UPDATE subscription SET attempts = 3, last_error = 'X: y', next_attempt_at = now() + interval '1 min'",
    );
    expect(await route()).toMatchObject({ state: 'retrying', attempts: 3, lastError: 'X: y' });
    await database.query(
      'UPDATE subscription SET sent = 1, attempts = 0, last_error = NULL, next_attempt_at = NULL',
    );
    await database.query('INSERT INTO subscription_sent VALUES ($1, 1, 1, now(), 4)', [destination]);
    expect(await route()).toMatchObject({ state: 'sent', attempts: 4, atMs: expect.any(Number) });
  });

  test('a dead letter says why, and how to run it again', async () => {
    const position = await engine.receive(unmappable('TRACE-3', 'MRN-3'));
    await engine.transform();
    const { heard } = await engine.run('trace', 'TRACE-3');
    expect(heard.text).toMatch(/dead +MAPPING_MISSING: no valid mapping claims/);
    expect(heard.answer.at(-1)).toContain(`suture replay ${formatPosition(position)}`);
  });
});

async function destinationOf(name: string): Promise<number> {
  const rows = await engine.database.query<{ id: number }>('SELECT id FROM destination WHERE name = $1', [
    name,
  ]);
  return rows[0]?.id ?? 0;
}
