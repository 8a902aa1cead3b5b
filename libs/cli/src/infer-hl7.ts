import { parseMessage } from '#hl7v2';
import { isEngineError } from '#kernel';
import type { MappingLibrary, MappingSet } from '#mapping';
import type { Draft } from './infer-rows.js';

const MESSAGES_MAX = 20_000;

/** What was seen in a heap of messages. */
export class Hl7Survey {
  messages = 0;
  refused = 0;
  private readonly types = new Map<string, number>();
  private readonly versions = new Map<string, number>();
  private readonly characterSets = new Map<string, number>();
  private readonly senders = new Map<string, number>();
  /** By message map, then place. */
  private readonly unmapped = new Map<string, Map<string, number>>();
  private readonly mapless = new Set<string>();
  private withoutZone = 0;
  private isAmerican = 0;

  private readonly set: MappingSet;

  constructor(private readonly library: MappingLibrary) {
    this.set = library.set(library.usualLayers);
  }

  /** False when it has seen enough. */
  add(raw: Buffer): boolean {
    if (this.messages >= MESSAGES_MAX) return false;
    try {
      const message = parseMessage(raw);
      const { messageCode, triggerEvent, messageStructure, version, characterSets, sendingFacility } =
        message.header;
      const type = `${messageCode}^${triggerEvent}`;
      this.messages++;
      count(this.types, type);
      count(this.versions, version);
      count(this.characterSets, characterSets[0] ?? 'none');
      count(this.senders, sendingFacility);
      if (/^\d{10,14}$/.test(message.header.dateTime)) this.withoutZone++;
      if (
        message.first('MSH')?.value(17) === 'USA' ||
        /(?:^|\^)USA(?:\^|$)/.test(message.first('PID')?.raw(11) ?? '')
      )
        this.isAmerican++;
      const map = this.set.forMessage(messageCode, triggerEvent, messageStructure || undefined);
      if (!map) {
        this.mapless.add(type);
        return true;
      }
      const { report } = map.run(message, { tenant: 'infer', account: 'full' });
      const places = this.unmapped.get(map.name) ?? new Map<string, number>();
      this.unmapped.set(map.name, places);
      const own = new Set(
        report.unmapped.map(
          (path) => /^[A-Z][A-Z0-9]{2}\[\d+\]-\d+/.exec(path)?.[0].replace(/\[\d+\]/, '') ?? '',
        ),
      );
      for (const place of own) if (place !== '') count(places, place);
    } catch (error) {
      if (!isEngineError(error)) throw error;
      this.refused++;
    }
    return true;
  }

  draft(name: string): Draft {
    const files = new Map([[`channels/${name.replaceAll('_', '-')}.yaml`, this.channel(name)]]);
    const layer = this.layer();
    if (layer !== undefined) files.set(`layers/${name}/${name}.yaml`, layer);
    return files;
  }

  private channel(name: string): string {
    const layers = this.isAmerican > 0 ? ['us'] : [];
    const own = this.layer() === undefined ? layers : [...layers, name];
    return [
      `# Drafted by suture infer from ${this.messages} messages. The percentages say how sure a line is: look at every ¿, then remove the`,
      '# remarks.',
      `channel: ${name.replaceAll('_', '-')}`,
      'owner: unknown@site.example           # ¿: whom to call',
      'source:',
      '  mllp:',
      '    listen: 127.0.0.1:0              # ¿: where the sender sends to',
      '    accept:',
      ...[...this.types].sort(byCount).map(([type, seen]) => this.acceptLine(type, seen)),
      ...this.facts(),
      'transform:',
      '  mapping: hl7v2',
      `  layers: [${own.join(', ')}]           # ${this.isAmerican > 0 ? 80 : 60} % ${this.isAmerican > 0 ? 'addresses or senders are of the USA' : 'nothing says where it is used'}`,
      '  with:',
      `    time_zone: UTC                   # ${this.withoutZone > 0 ? `¿: ${this.withoutZone} messages name none` : '90 % all moments name theirs'}`,
      '    assigner: urn:oid:2.16.840.1.113883.19.5   # ¿: who gives the numbers of patients',
      '',
    ].join('\n');
  }

  private acceptLine(type: string, seen: number): string {
    const isGood = /^[A-Z0-9]{3}\^[A-Z0-9]{3}$/.test(type);
    const remark = `${seen} of ${this.messages}`;
    if (!isGood) return `      # ¿: ${remark} messages name no type that can be accepted`;
    return this.mapless.has(type)
      ? `      - ${type}                      # 50 % ¿ ${remark}; no map is for it yet`
      : `      - ${type}                      # 95 % ${remark}`;
  }

  /** For people: a channel has no line for them. */
  private facts(): string[] {
    const list = (counts: ReadonlyMap<string, number>) =>
      [...counts]
        .sort(byCount)
        .map(([value, seen]) => `${value.replaceAll(/[^\w./ -]/g, '') || 'none'} (${seen})`)
        .slice(0, 8)
        .join(', ');
    return [
      `    # versions: ${list(this.versions)}; character sets: ${list(this.characterSets)}; different senders: ${this.senders.size}`,
      ...(this.refused > 0 ? [`    # ¿: ${this.refused} messages could not be read`] : []),
    ];
  }

  /** A layer that names what nobody maps. */
  private layer(): string | undefined {
    const documents = [...this.unmapped].flatMap(([map, places]) => {
      const lines = [...places].sort(byCount).map(([place, seen]) => {
        const percent = Math.round((seen * 100) / this.messages);
        const remark = `in ${seen} messages, ${percent} %`;
        return this.library.knowsField(place)
          ? `  ${place}: '¿: map it, or say why not'   # ${remark}`
          : `  # ${place}: no version of HL7 v2 has it; ${remark}`;
      });
      return lines.every((line) => line.startsWith('  #'))
        ? []
        : [[`patch: ${map}`, 'drop:', ...lines].join('\n')];
    });
    if (documents.length === 0) return undefined;
    const head = [
      '# yaml-language-server: $schema=../../schema/mapping.schema.json',
      `# Drafted by suture infer from ${this.messages} messages: what no rule reads. Map it, or say why it is not wanted.`,
    ];
    return `${head.join('\n')}\n${documents.join('\n---\n')}\n`;
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function byCount(a: readonly [string, number], b: readonly [string, number]): number {
  return b[1] - a[1] || (a[0] < b[0] ? -1 : 1);
}
