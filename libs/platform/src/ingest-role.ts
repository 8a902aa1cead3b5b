import type { Receive } from '#channel';
import { AcknowledgmentLog, Journal } from '#journal';
import { EngineError, isEngineError } from '#kernel';
import { BacklogGate, Intake } from '#pipeline';
import type { RoleServices } from './services.js';
import { type OpenedSource, type SourceKind, sourcesOf } from './sources.js';

/** In-flight messages get their acknowledgment within this, or their connections are cut. */
const sourceGraceMs = 5_000;

/**
 * A transformer that wakes looks at every partition, so a nudge for each would cost much and tell nothing new; a few at one
 * time reach several transform processes.
 */
const wakeUps = 2;

/** Listeners, journal, acknowledgments. */
export class IngestRole {
  private readonly sources: readonly OpenedSource[];
  private readonly listening: OpenedSource[] = [];
  /** Why reading stands still: any one reason is enough. */
  private readonly pauses = new Set<'database' | 'backlog'>();
  private readonly gate: BacklogGate;
  private readonly acknowledgments: AcknowledgmentLog;

  private constructor(
    private readonly services: RoleServices,
    private readonly journal: Journal,
    readonly receive: Receive,
    private readonly kind: SourceKind,
  ) {
    const { database, metrics } = services;
    this.sources = sourcesOf(services, kind);
    this.gate = new BacklogGate(database, (open) => this.pause('backlog', !open));
    this.acknowledgments = new AcknowledgmentLog(database);
    metrics.gauge(
      'suture_acknowledgment_notes_dropped',
      'Times of acknowledgments that were not noted since the start: they miss in a trace, nothing else does',
      [],
      () => [[{}, this.acknowledgments.dropped]],
    );
    metrics.gauge(
      `suture_${kind}`,
      `Counts of each source of ${kind} since the start`,
      ['channel', 'count'],
      () =>
        this.sources.flatMap((source) =>
          Object.entries(source.counters).map(
            ([count, value]) => [{ channel: source.channel, count }, value] as const,
          ),
        ),
    );
    // Not in `trouble`: a folder of one partner that is away must not take the engine out of service for the others.
    if (kind === 'files')
      metrics.gauge(
        'suture_source_troubled',
        '1 where a source cannot take anything now; the log says why',
        ['channel'],
        () =>
          this.sources.map(
            (source) => [{ channel: source.channel }, source.trouble?.() === undefined ? 0 : 1] as const,
          ),
      );
  }

  /** Takes a lane of the journal; opens no port yet. Sources of MLLP and of files have a role each, and a lane. */
  static async open(services: RoleServices, kind: SourceKind): Promise<IngestRole> {
    const { database, settings, channels, queues, log } = services;
    const opened: { role?: IngestRole } = {};
    const onAvailable = (available: boolean) => {
      if (available) log.info('the database is back; sources read again');
      else log.warn('the database is away; sources stand still');
      opened.role?.pause('database', !available);
    };
    const journal = await Journal.open(database, onAvailable, (error) =>
      log.error('the database refuses the journal; sources stand still until it is let in again', error),
    );
    const intake = new Intake(database, journal, settings.tenant, channels.forIntake(), (lane, partition) =>
      queues.nudge('transform', String(partition % wakeUps), { lane, partition }),
    );
    opened.role = new IngestRole(services, journal, intake.receive, kind);
    return opened.role;
  }

  /** Opens the ports and resolves with what listens where. A channel that cannot listen does not stop the others. */
  async start(receive: Receive): Promise<string[]> {
    const { log } = this.services;
    const acknowledged = this.acknowledgments.note.bind(this.acknowledgments);
    const started = await Promise.all(
      this.sources.map(async (source) => {
        try {
          const address = await source.start(receive, acknowledged);
          this.listening.push(source);
          return `${source.channel}: ${address}`;
        } catch (error) {
          if (!isEngineError(error, 'misconfigured')) throw error;
          log.error('a channel cannot listen', error, { channel: source.channel });
          return `${source.channel}: NOT LISTENING, ${error.message}`;
        }
      }),
    );
    if (this.kind === 'mllp' && this.sources.length > 0 && this.listening.length === 0) {
      throw new EngineError(
        'misconfigured',
        'NO_CHANNEL_LISTENS',
        `${started.join('\n')}\nNo channel can listen. Stop what listens there (another engine?), or give each channel a ` +
          'free port: listen: in its channel file, or SUTURE_MLLP_PORT for the sample channels.',
      );
    }
    this.gate.start();
    return started;
  }

  /** Undefined when messages are taken; otherwise why not. */
  trouble(): string | undefined {
    if (this.pauses.size > 0) return `sources stand still: ${[...this.pauses].join(', ')}`;
    return this.journal.laneId === undefined ? 'the journal has no lane' : this.journal.trouble;
  }

  /** Takes no more, answers what is in flight, commits what waits, gives the lane back. */
  async stop(): Promise<void> {
    this.gate.stop();
    await Promise.all(this.listening.map((source) => source.stop(sourceGraceMs)));
    await this.journal.close();
    await this.acknowledgments.flush();
  }

  private pause(reason: 'database' | 'backlog', on: boolean): void {
    if (on) this.pauses.add(reason);
    else this.pauses.delete(reason);
    for (const source of this.listening) {
      if (this.pauses.size > 0) source.pause();
      else source.resume();
    }
  }
}
