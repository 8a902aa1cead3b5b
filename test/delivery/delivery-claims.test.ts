import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type DeliveryClaim,
  DeliveryClaims,
  deliveryMigrations,
  MAX_READ,
  readPacks,
  storedForMs,
} from '#delivery';
import { EngineError, isEngineError } from '#kernel';
import { PackUnfolder, storeMigrations } from '#store';
import { createTestDatabase, type TestDatabase } from '../../libs/database/testing/test-database.js';
import { until } from '../../libs/delivery/testing/until.js';
import { deflateBlock } from '../../libs/store/testing/deflate-block.js';
import { seedDeliveries, seedDestination } from '../../libs/store/testing/seed-deliveries.js';

const MIB = 1024 * 1024;
const busy = new EngineError('unavailable', 'TEST_BUSY', 'later');
const refused = new EngineError('rejected', 'TEST_REFUSED', 'never');

/** Each `DeliveryClaims` stands for one process: it has a connection of its own. */
describe('delivery claims', () => {
  let fixture: TestDatabase;
  let here: DeliveryClaims;
  let there: DeliveryClaims;
  let destination: number;

  beforeAll(async () => {
    fixture = await createTestDatabase([...storeMigrations, ...deliveryMigrations]);
    here = new DeliveryClaims(fixture.database);
    there = new DeliveryClaims(fixture.database);
    destination = await seedDestination(fixture.database, 'claims.receiver');
  });
  afterAll(async () => {
    await here.close();
    await there.close();
    await fixture.remove();
  });

  const taken = async (claims: DeliveryClaims, partition: number): Promise<DeliveryClaim> => {
    const claim = await claims.take({ destination, partition });
    if (claim === undefined) throw new Error('not free');
    return claim;
  };

  /** Ends the connection that holds the claim of `claims`, as a failing network or server does. */
  const cutConnection = async (claim: DeliveryClaim) => {
    const [row] = await claim.session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await fixture.database.query('SELECT pg_terminate_backend($1)', [row?.pid]);
  };

  test('a share has one holder in all processes and, within a process, one turn', async () => {
    const claim = await taken(here, 1);
    expect(await there.take({ destination, partition: 1 })).toBeUndefined();
    expect(await here.take({ destination, partition: 1 })).toBeUndefined();
    const other = await taken(there, 2);
    await claim.release();
    await (await taken(there, 1)).release();
    await other.release();
  });

  test('of a hundred that ask for ten shares at once exactly ten get one', async () => {
    const asked = Array.from({ length: 100 }, (_, index) =>
      (index % 2 ? here : there).take({ destination, partition: 10 + (index % 10) }),
    );
    const claims = (await Promise.all(asked)).filter((claim) => claim !== undefined);
    expect(claims.map((claim) => claim.share.partition).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 10 }, (_, index) => 10 + index),
    );
    await Promise.all(claims.map((claim) => claim.release()));
  });

  test('who loses the connection is told, cannot move the cursor any more, and another takes over', async () => {
    await seedDeliveries(fixture.database, { destinations: [destination], partition: 20 }, [['{}'], ['{}']]);
    const lost = await taken(here, 20);
    await cutConnection(lost);
    await until('the loss is noticed', () => lost.lost.aborted);
    const next = await taken(there, 20);
    await next.advance({ number: 1, sent: { first: 1, last: 1, attempts: 1 } });
    const error = await lost.advance({ number: 2 }).catch((reason: unknown) => reason);
    expect(isEngineError(error, 'unavailable') && error.code).toBe('DELIVERY_CLAIM_LOST');
    expect((await next.read()).map((delivery) => delivery.number)).toEqual([2]);
    expect(await lost.release()).toBe(false);
    await next.release();
    await (await taken(here, 20)).release();
  });

  test('the claim of a killed process is free again within a second', async () => {
    const partition = 21;
    const script = `
      const { default: pg } = await import('pg');
      const client = new pg.Client(process.argv[1]);
      await client.connect();
      await client.query('SELECT pg_advisory_lock(7310003, ' + process.argv[2] + ')');
      process.stdout.write('held');
      setInterval(() => {}, 1000);`;
    const key = String(destination * 0x10000 + partition);
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, fixture.url, key]);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(await here.take({ destination, partition })).toBeUndefined();
    const killedAtMs = Date.now();
    child.kill('SIGKILL');
    let claim: DeliveryClaim | undefined;
    await until('the claim is free', async () => {
      claim = await here.take({ destination, partition });
      return claim !== undefined;
    });
    expect(Date.now() - killedAtMs).toBeLessThan(1_000);
    await claim?.release();
  });

  test('deliveries are read in order, within the bound, after the cursor', async () => {
    const many = Array.from({ length: MAX_READ + 6 }, (_, index) => [`{"n":${index + 1}}`]);
    await seedDeliveries(fixture.database, { destinations: [destination], partition: 30 }, many);
    const claim = await taken(here, 30);
    const first = await claim.read();
    expect(first.map((delivery) => delivery.number)).toEqual(
      Array.from({ length: MAX_READ }, (_, index) => index + 1),
    );
    expect(first[2]?.position).toEqual({ lane: 0, partition: 30, seq: 3 });
    await claim.advance({ number: 68, sent: { first: 1, last: 68, attempts: 1 } });
    expect((await claim.read()).map((delivery) => delivery.number)).toEqual([69, 70]);
    await claim.release();
  });

  test('many shares are read at once and each gets its own', async () => {
    const partitions = Array.from({ length: 12 }, (_, index) => 100 + index);
    for (const partition of partitions.slice(1)) {
      const messages = Array.from({ length: partition - 100 }, () => ['{}']);
      await seedDeliveries(fixture.database, { destinations: [destination], partition }, messages);
    }
    const claims = await Promise.all(partitions.map((partition) => taken(here, partition)));
    await claims[3]?.advance({ number: 1, failure: { attempts: 1, error: busy, retryAfterMs: 60_000 } });
    await claims[5]?.advance({ number: 4, sent: { first: 1, last: 4, attempts: 1 } });
    const read = await Promise.all(claims.map((claim) => claim.read()));
    expect(read.map((waiting) => waiting.length)).toEqual([0, 1, 2, 0, 4, 1, 6, 7, 8, 9, 10, 11]);
    read.forEach((waiting, index) => {
      for (const { position } of waiting) expect(position.partition).toBe(100 + index);
    });
    await Promise.all(claims.map((claim) => claim.release()));
  });

  test('a block that several packs share is read once for those that follow each other', async () => {
    const seed = { destinations: [destination], partition: 36 };
    const texts = ['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}'];
    await seedDeliveries(
      fixture.database,
      seed,
      texts.map((text) => [text]),
    );
    const shared = deflateBlock(texts.slice(0, 3).map((text) => Buffer.from(text)));
    await fixture.database.query(
      `UPDATE pack SET block = 1, plain_at = 8 * (seq - 1), plain_bytes = 7, bytes = CASE seq WHEN 1 THEN $1 ELSE ''::bytea END
       WHERE partition = 36 AND seq < 4`,
      [shared],
    );
    const at = (seq: number) => ({ lane: 0, partition: 36, seq });
    const packs = await readPacks(fixture.database, [at(1), at(3), at(4), at(2)], MIB);
    const unfolder = new PackUnfolder();
    const plain = packs.map(({ folded }) => folded && unfolder.unfold(folded).toString());
    expect(plain).toEqual(['{"n":1}', '{"n":3}', '{"n":4}', '{"n":2}']);
    expect(packs.map(({ folded }) => (folded?.length ?? 0) > 8)).toEqual([true, false, true, true]);
    // Bytes that are not read again do not count.
    const bound = shared.length + 1;
    expect(await readPacks(fixture.database, [at(1), at(2), at(3), at(4)], bound)).toHaveLength(4);
  });

  test('packs are read in the order asked for, within the bound, and their age is told', async () => {
    const seed = { destinations: [destination], partition: 34, ageMs: 60_000 };
    await seedDeliveries(fixture.database, seed, [['{"n":1}'], ['{"n":2}'], ['{"n":3}']]);
    const at = (seq: number) => ({ lane: 0, partition: 34, seq });
    await fixture.database.query('DELETE FROM pack WHERE partition = 34 AND seq = 2');
    const packs = await readPacks(fixture.database, [at(3), at(2), at(1)], MIB);
    const unfolder = new PackUnfolder();
    const plain = packs.map(({ folded }) => folded && unfolder.unfold(folded).toString());
    expect(plain).toEqual(['{"n":3}', undefined, '{"n":1}']);
    expect(await readPacks(fixture.database, [at(3), at(1)], 1)).toHaveLength(1);
    expect(await storedForMs(fixture.database, at(1))).toBeGreaterThanOrEqual(60_000);
    expect(await storedForMs(fixture.database, at(2))).toBe(0);
  });

  test('a failure is remembered with its attempts and holds the share back until it is due', async () => {
    await seedDeliveries(fixture.database, { destinations: [destination], partition: 31 }, [['{}'], ['{}']]);
    const claim = await taken(here, 31);
    await claim.advance({
      number: 0,
      failure: { attempts: 4, error: busy, retryAfterMs: 60_000 },
    });
    expect(await claim.read()).toEqual([]);
    expect(await here.behind([destination])).not.toContainEqual({ destination, partition: 31 });
    await claim.advance({ number: 0, failure: { attempts: 5, error: busy, retryAfterMs: 0 } });
    expect((await claim.read()).map((delivery) => delivery.attempts)).toEqual([5, 0]);
    expect(await here.behind([destination])).toContainEqual({ destination, partition: 31 });
    await claim.advance({ number: 1, sent: { first: 1, last: 1, attempts: 6 } });
    expect((await claim.read()).map((delivery) => delivery.attempts)).toEqual([0]);
    await claim.release();
  });

  test('giving back tells when something came that whoever was turned away could not send', async () => {
    const claim = await taken(here, 32);
    expect(await claim.read()).toEqual([]);
    await seedDeliveries(fixture.database, { destinations: [destination], partition: 32 }, [['{}']]);
    expect(await there.take({ destination, partition: 32 })).toBeUndefined();
    expect(await claim.release()).toBe(true);
    const again = await taken(there, 32);
    await again.advance({ number: 1, sent: { first: 1, last: 1, attempts: 1 } });
    expect(await again.release()).toBe(false);
  });

  test('many shares move in one statement, each with its own ranges and dead deliveries', async () => {
    const partitions = Array.from({ length: 20 }, (_, index) => 40 + index);
    const claims = await Promise.all(partitions.map((partition) => taken(here, partition)));
    await Promise.all(
      claims.map((claim, index) =>
        claim.advance({
          number: index + 1,
          ...(index % 2 === 0
            ? { sent: { first: 1, last: index + 1, attempts: 1 } }
            : {
                dead: {
                  position: { lane: 0, partition: 0, seq: index },
                  attempts: 3,
                  error: refused,
                },
              }),
        }),
      ),
    );
    const sent = await fixture.database.query<{ partition: number; last_number: number }>(
      'SELECT partition, last_number FROM delivery_sent WHERE partition BETWEEN 40 AND 59 ORDER BY partition',
    );
    const dead = await fixture.database.query<{ partition: number; number: number; code: string }>(
      'SELECT partition, number, code FROM delivery_dead ORDER BY partition',
    );
    const even = partitions.filter((_, index) => index % 2 === 0);
    expect(sent).toEqual(even.map((partition) => ({ partition, last_number: partition - 39 })));
    const odd = partitions.filter((_, index) => index % 2 === 1);
    expect(dead).toEqual(
      odd.map((partition) => ({ partition, number: partition - 39, code: 'TEST_REFUSED' })),
    );
    await Promise.all(claims.map((claim) => claim.release()));
  });

  test('after close nothing can be taken and what was held is free', async () => {
    const third = new DeliveryClaims(fixture.database);
    await taken(third, 33);
    await third.close();
    await expect(third.take({ destination, partition: 33 })).rejects.toThrow('stopping');
    await until('it is free', async () => {
      const claim = await here.take({ destination, partition: 33 });
      await claim?.release();
      return claim !== undefined;
    });
  });
});
