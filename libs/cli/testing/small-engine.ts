import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { acceptedBy, readChannel } from '#channel';
import { MllpSource } from '#connectors';
import type { Database } from '#database';
import { deliveryMigrations } from '#delivery';
import { AcknowledgmentLog, channelId, Journal, journalMigrations } from '#journal';
import { type Position, systemRandom } from '#kernel';
import { ledgerMigrations, Sequencer } from '#ledger';
import { loadMappings } from '#mapping';
import { destinationIds, Intake, Router, TransformPartitions, transformChannel } from '#pipeline';
import { MessageWriter, storeMigrations } from '#store';
import { subscriptionsMigrations } from '#subscriptions';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import { type CommandSettings, readSettings, runCommand } from '../src/index.js';
import { HeardTerminal } from './heard-terminal.js';

export const repositoryRoot = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const migrations = [
  ...journalMigrations,
  ...storeMigrations,
  ...deliveryMigrations,
  ...ledgerMigrations,
  ...subscriptionsMigrations,
];
const ALL_PARTITIONS = Array.from({ length: 64 }, (_, partition) => partition);

const channelText = `channel: hospital
source: { mllp: { listen: '127.0.0.1:0', accept: [ADT^A01, ORU^R01, ZZZ^Z01] } }
transform: { mapping: hl7v2, with: { time_zone: UTC } }
routes: [{ to: ward }]
destinations: { ward: { http: { url: 'http://127.0.0.1:1/' } } }
`;

/** The path of a message without the framework and without timers: what waits moves when a test says so. */
export class SmallEngine {
  private constructor(
    private readonly fixture: TestDatabase,
    private readonly folder: string,
    private readonly journal: Journal,
    private readonly source: MllpSource,
    private readonly acknowledgments: AcknowledgmentLog,
    private readonly transformer: TransformPartitions,
    readonly intake: Intake,
    readonly settings: CommandSettings,
  ) {}

  static async start(): Promise<SmallEngine> {
    const fixture = await createTestDatabase(migrations);
    const { database, url } = fixture;
    const folder = mkdtempSync(join(tmpdir(), 'suture-cli-'));
    mkdirSync(join(folder, 'channels'));
    writeFileSync(join(folder, 'channels', 'hospital.yaml'), channelText);
    const file = readChannel('hospital.yaml', channelText, {}, []);
    if (file === undefined) throw new Error('the test channel is wrong');
    const id = await channelId(database, file.channel);
    const destinations = await destinationIds(database, ['hospital.ward'], 'http');
    const mappings = loadMappings(join(repositoryRoot, 'mappings'));
    const channels = new Map([[id, transformChannel(file, id, mappings, destinations)]]);
    const journal = await Journal.open(database);
    const accept = acceptedBy(file);
    const intakeChannel = { id, name: file.channel, accept, order: 'per_patient' as const };
    const intake = new Intake(database, journal, 'default', [intakeChannel], () => {});
    const acknowledgments = new AcknowledgmentLog(database);
    const source = new MllpSource({ channel: file.channel, host: '127.0.0.1', port: 0 });
    const address = await source.start(intake.receive, (...note) => acknowledgments.note(...note));
    const context = { tenant: 'default', engineVersion: 'test', channels };
    const writer = new MessageWriter('default', systemRandom);
    const transformer = new TransformPartitions(database, writer, context, new Router(channels));
    const environment = {
      DATABASE_URL: url,
      SUTURE_DATA_DIR: folder,
      SUTURE_CHANNELS: join(folder, 'channels'),
      SUTURE_MLLP_PORT: new URL(address).port,
    };
    const settings = readSettings(environment, repositoryRoot);
    return new SmallEngine(fixture, folder, journal, source, acknowledgments, transformer, intake, settings);
  }

  get database(): Database {
    return this.fixture.database;
  }

  get port(): number {
    return this.settings.mllpPort;
  }

  /** Runs one command line. */
  async run(...argv: string[]): Promise<{ code: number; heard: HeardTerminal }> {
    const heard = new HeardTerminal();
    return { code: await runCommand(argv, heard, this.settings), heard };
  }

  /** Takes a message in past the socket. */
  async receive(raw: Buffer): Promise<Position> {
    const receipt = await this.intake.receive({ channel: 'hospital', raw, receivedAtMs: Date.now() });
    if (receipt.outcome !== 'journaled' || receipt.position === undefined)
      throw new Error(`it was ${receipt.outcome}`);
    return receipt.position;
  }

  /** Transforms everything that waits. */
  async transform(): Promise<void> {
    await this.acknowledgments.flush();
    while ((await this.transformer.run(ALL_PARTITIONS)).messages > 0);
  }

  /** Puts everything that was transformed into the ledger. */
  async anchor(): Promise<void> {
    const { database, settings } = this;
    const sequencer = await Sequencer.open({
      database,
      directory: settings.ledgerDirectory,
      origin: 'hospital.example/test',
    });
    await sequencer.close();
  }

  async stop(): Promise<void> {
    await this.source.stop(1_000);
    await this.journal.close();
    await this.fixture.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A message of a type that no mapping ever claims: it becomes a dead letter. */
export function unmappable(controlId: string, patient: string): Buffer {
  return Buffer.from(labResult(controlId, patient).toString().replace('ORU^R01^ORU_R01', 'ZZZ^Z01'));
}

/** A synthetic lab result. */
export function labResult(controlId: string, patient: string, value = '5.1'): Buffer {
  return Buffer.from(
    [
      `MSH|^~\\&|LAB|BFL|EHR|OGH|20260102030405||ORU^R01^ORU_R01|${controlId}|P|2.5.1`,
      `PID|1||${patient}^^^OGH^MR||Okafor^Ada`,
      `OBR|1|A${controlId}|B${controlId}|2823-3^Potassium^LN|||20260102030000`,
      `OBX|1|NM|2823-3^Potassium^LN||${value}|mmol/L|||||F`,
      '',
    ].join('\r'),
  );
}
