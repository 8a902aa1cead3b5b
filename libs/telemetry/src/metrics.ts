import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds; fine where acknowledgments are expected to lie. */
const latencyBuckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

type Figures<Name extends string> = Iterable<readonly [Readonly<Record<Name, string>>, number]>;

/**
 * The figures of a process in Prometheus' text form. Label values are names from configuration (channels, destinations,
 * codes), never from messages: that bounds their number, and keeps patients out (I6).
 */
export class Metrics {
  private readonly registry = new Registry();
  private readonly others: (() => Promise<string>)[] = [];

  /** `processFigures`: CPU, memory and event loop delay of this process as well. */
  constructor(processFigures = true) {
    if (processFigures) collectDefaultMetrics({ register: this.registry });
  }

  /** A count that only grows; the name ends in `_total`. */
  counter<Name extends string>(name: string, help: string, labels: readonly Name[]) {
    const counter = new Counter({ name, help, labelNames: labels, registers: [this.registry] });
    return (by: number, at: Readonly<Record<Name, string>>): void => counter.inc(at, by);
  }

  /** A figure that is asked for when somebody looks: `read` gives label values and figure of each. */
  gauge<Name extends string>(
    name: string,
    help: string,
    labels: readonly Name[],
    read: () => Figures<Name> | Promise<Figures<Name>>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [this.registry],
      async collect() {
        const figures = await read();
        this.reset();
        for (const [at, value] of figures) this.set(at, value);
      },
    });
  }

  /** How long something took; `observe` takes seconds. */
  duration<Name extends string>(name: string, help: string, labels: readonly Name[]) {
    const buckets = latencyBuckets;
    const histogram = new Histogram({ name, help, labelNames: labels, buckets, registers: [this.registry] });
    return (seconds: number, at: Readonly<Record<Name, string>>): void => histogram.observe(at, seconds);
  }

  /** Adds the figures of another thread, whose names must be others than those here. `read` gives the text of its own `Metrics`. */
  include(read: () => Promise<string>): void {
    this.others.push(read);
  }

  /** Everything, in the text format of Prometheus. */
  async text(): Promise<string> {
    const texts = await Promise.all([this.registry.metrics(), ...this.others.map((read) => read())]);
    return texts.map((text) => (text === '' || text.endsWith('\n') ? text : `${text}\n`)).join('');
  }

  get contentType(): string {
    return this.registry.contentType;
  }
}
