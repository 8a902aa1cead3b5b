import type { Receipt } from '#channel';
import { MllpSource } from '#connectors';
import { openDatabase } from '#database';
import { channelId, Journal } from '#journal';
import { Intake } from '#pipeline';

/**
 * An ingest of one channel, honest or deliberately broken: with VARIANT=hasty it says 'journaled' before the journal has
 * committed, which is what the checker must notice. Prints its address and runs until it is killed.
 */
const { DATABASE_URL: url = '', VARIANT: variant = '', PORT: port = '' } = process.env;
const channel = 'kill-proof';

const database = openDatabase(url, { maxConnections: 2, application: 'suture-kill-proof' });
const journal = await Journal.open(database);
const id = await channelId(database, channel);
const accept = ['ADT^A01', 'ORU^R01'];
const intake = new Intake(
  database,
  journal,
  'default',
  [{ name: channel, id, accept, order: 'per_patient' }],
  () => {},
);
const tooSoon: Receipt = {
  outcome: 'journaled',
  position: undefined,
  duplicate: false,
  controlIdReused: false,
};

const source = new MllpSource({ channel, host: '127.0.0.1', port: Number(port) });
const address = await source.start(
  variant === 'hasty'
    ? (arrival) => {
        intake.receive(arrival).catch(() => {}); // nobody hears of it: that is the mistake
        return Promise.resolve(tooSoon);
      }
    : intake.receive,
  () => {},
);
process.stdout.write(`${address}\n`);
