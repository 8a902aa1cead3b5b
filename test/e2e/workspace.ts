import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../load/bench-messages.js';
import { freePort } from '../load/engine-process.js';

/** A mapping of our own for a type that no other mapping claims, with one name misspelt. */
const CLINICAL_STUDY = `map: ward.CRM_C01
for: [CRM^C01]
structure: CRM_C01
bundle: message
steps:
  - create: v2.MSH.MessageHeader
  - each: PATIENT
    steps:
      - { create: v2.PID.Pateint, as: patient }
`;

const MISTAKEN_CHANNEL = `channel: mistaken
source:
  mllp:
    listen: 127.0.0.1:0
    frame_maximum: 4MiB
    accept: [ORU^R01]
transform: { mapping: hl7v2 }
`;

/**
 * What an integration engineer has on disk: the project's own mappings and sample channels, a channel of ours with a
 * destination, a channel with a mistake and a mapping with a mistake. The engine runs with this as its working directory.
 */
export class Workspace {
  readonly directory = mkdtempSync(join(tmpdir(), 'suture-e2e-'));
  readonly data = join(this.directory, 'data');

  private constructor(
    readonly ports: Readonly<Record<'ward' | 'hospital' | 'laboratory', number>>,
    receiverUrl: string,
  ) {
    cpSync(join(repositoryRoot, 'mappings'), join(this.directory, 'mappings'), { recursive: true });
    this.write('mappings/hl7v2/crm-c01.yaml', CLINICAL_STUDY);
    this.write('mappings/channels/mistaken.yaml', MISTAKEN_CHANNEL);
    this.write('mappings/channels/ward.yaml', wardChannel(ports.ward, receiverUrl));
  }

  static async create(receiverUrl: string): Promise<Workspace> {
    const [ward, hospital, laboratory] = [await freePort(), await freePort(), await freePort()];
    return new Workspace({ ward, hospital, laboratory }, receiverUrl);
  }

  get environment(): Record<string, string> {
    return {
      SUTURE_DATA_DIR: this.data,
      SUTURE_HTTP_PORT: '0',
      SUTURE_MLLP_PORT: String(this.ports.hospital),
      SUTURE_LAB_PORT: String(this.ports.laboratory),
      SUTURE_ENDPOINTS_ALLOWED: '127.0.0.1',
      SUTURE_LOG_LEVEL: 'warn',
    };
  }

  get ledgerDirectory(): string {
    return join(this.data, 'ledger');
  }

  correctTheMapping(): void {
    const text = readFileSync(join(this.directory, 'mappings/hl7v2/crm-c01.yaml'), 'utf8');
    this.write('mappings/hl7v2/crm-c01.yaml', text.replace('v2.PID.Pateint', 'v2.PID.Patient'));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** A channel with that source, and every message to each of those destinations. */
  channel(name: string, source: string, destinations: Readonly<Record<string, string>> = {}): void {
    const text = `channel: ${name}\nsource: ${source}\ntransform: { mapping: hl7v2 }\n`;
    const names = Object.keys(destinations);
    const routes = `routes: [${names.map((to) => `{ to: ${to} }`).join(', ')}]\ndestinations:\n`;
    const places = names.map((to) => `  ${to}: ${destinations[to]}\n`).join('');
    this.write(`mappings/channels/${name}.yaml`, names.length === 0 ? text : text + routes + places);
  }

  /** A topic beside those that ship. */
  topic(name: string, text: string): void {
    this.write(`mappings/topics/${name}.yaml`, text);
  }

  private write(path: string, text: string): void {
    mkdirSync(join(this.directory, path, '..'), { recursive: true });
    writeFileSync(join(this.directory, path), text);
  }
}

function wardChannel(port: number, receiverUrl: string): string {
  return `channel: ward
source: { mllp: { listen: "127.0.0.1:${port}", accept: [ADT^A01, ADT^A04, ADT^A08, ORU^R01, VXU^V04, CRM^C01] } }
transform: { mapping: hl7v2, with: { time_zone: UTC } }
routes: [{ to: ehr }]
destinations:
  ehr: { http: { url: "${receiverUrl}", timeout: 5s }, retry: { first_after: 50ms, at_most_every: 500ms } }
`;
}
