import 'reflect-metadata';
import { join } from 'node:path';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpAdapter } from '#api';
import { EngineError, isEngineError } from '#kernel';
import { describeError } from '#telemetry';
import { accessTokenPath } from './access-token.js';
import { drain, type Part } from './drain.js';
import { engineVersion } from './engine-version.js';
import { Health } from './health.js';
import { limitHeapGrowth } from './heap-growth.js';
import { HealthModule } from './nest/health.module.js';
import { type RoleName, type RoleTransport, roleNames, transportOf } from './nest/role-transport.js';
import { openServices, type Services } from './services.js';
import { readSettings, type Settings } from './settings.js';
import { takesFiles } from './sources.js';
import { RoleThread } from './threads/role-thread.js';
import type { ThreadRoleName } from './threads/thread-protocol.js';

/** A deployable: the list of its roles, over the services that are opened first. */
export interface AppModule {
  /** Roles that run in threads of their own; they are no part of the module. That of files only where a channel takes files. */
  readonly threads?: readonly ThreadRoleName[];
  forServices(services: Services): DynamicModule;
}

const exitCode = { failed: 1, misconfigured: 2, interrupted: 130 } as const;

/**
 * Runs an app until a signal: services, roles in their order, HTTP; then drains the other way round. Prints where everything
 * listens. Resolves once it runs; a failure to start ends the process with a sentence on what to change.
 */
export async function startApp(name: string, appModule: AppModule): Promise<void> {
  /** In the order in which they stop. */
  const parts: Part[] = [];
  const opened: Part[] = [];
  const signals = new Signals();
  limitHeapGrowth();
  try {
    const laps = new Laps();
    // First of all: they load their code while the database starts.
    const asked = appModule.threads ?? [];
    const threads = asked.filter((role) => role !== 'files').map((role) => new RoleThread(role));
    const settings = readSettings(process.env, process.cwd());
    const deliver = threads.find(({ role }) => role === 'deliver');
    const services = await openServices(name, settings, deliver?.keeper);
    laps.end('services');
    opened.push({ name: 'services', stop: () => services.close() });
    crashOnBugs(services);
    const hasFiles = services.channels.channels.some(({ file }) => takesFiles(file));
    if (asked.includes('files') && hasFiles) threads.push(new RoleThread('files'));
    const { lines, lost } = await startParts(appModule, threads, services, { parts, laps });
    services.log.info('ready', laps.facts());
    print(name, settings, services, lines);
    const reason = await Promise.race([signals.first, services.lost, ...lost]);
    if (typeof reason === 'string') services.log.info('draining', { reason });
    else services.log.error('something the process needs is lost; it ends', reason);
    const isClean = await drain([...parts, ...opened], services.log);
    process.exit(isClean && typeof reason === 'string' ? 0 : exitCode.failed);
  } catch (error) {
    explain(name, error);
    // Nothing of a half-started process may stay; what cannot stop in order is ended with it.
    for (const part of [...parts, ...opened]) await part.stop().catch(() => {});
    process.exit(isEngineError(error, 'misconfigured') ? exitCode.misconfigured : exitCode.failed);
  }
}

async function startParts(
  appModule: AppModule,
  threads: readonly RoleThread[],
  services: Services,
  { parts, laps }: { readonly parts: Part[]; readonly laps: Laps },
): Promise<{ readonly lines: string[]; readonly lost: Promise<unknown>[] }> {
  const { log, settings, queues } = services;
  const health = new Health(services.database);
  const imports = [HealthModule.forServices(services, health), appModule.forServices(services)];
  const adapter = createHttpAdapter((error) => log.error('a request failed', error));
  const app = await NestFactory.create<NestFastifyApplication>({ module: AppRoot, imports }, adapter, {
    // Its log would hold the texts of foreign errors; ours says what matters.
    logger: false,
    abortOnError: false,
  });
  laps.end('nest');
  parts.push({ name: 'http', stop: () => app.close() });
  const lines: string[] = [];
  const lost: Promise<unknown>[] = [];
  for (const name of roleNames) {
    const thread = threads.find(({ role }) => role === name);
    const role = thread === undefined ? roleOf(app, name) : inThread(thread, services);
    if (role === undefined) continue;
    // Before it starts: a start that fails half-way is stopped as well.
    parts.splice(-1, 0, { name, stop: role.stop });
    lines.push(...(await role.start()));
    health.watch(name, role.trouble);
    if (role.lost !== undefined) lost.push(role.lost);
    laps.end(name);
  }
  await listenOnHttp(app, settings);
  lines.push(`http: ${await app.getUrl()}`);
  laps.end('http');
  await queues.ready([]);
  laps.end('queues');
  return { lines, lost };
}

async function listenOnHttp(app: NestFastifyApplication, { httpPort, httpHost }: Settings): Promise<void> {
  try {
    await app.listen(httpPort, httpHost);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw cause;
    throw new EngineError(
      'misconfigured',
      'HTTP_LISTEN_FAILED',
      `cannot listen for HTTP on ${httpHost}:${httpPort} (${code}). Stop what listens there (another engine?), ` +
        'or set SUTURE_HTTP_PORT to a port that is free (0 picks one) and SUTURE_HTTP_HOST to an address of this machine.',
      { cause },
    );
  }
}

/** Where the time of a start went, in milliseconds since the process began; and the CPU time of it all. */
class Laps {
  private readonly ends = new Map([['imports', Math.round(performance.now())]]);

  end(name: string): void {
    this.ends.set(name, Math.round(performance.now()));
  }

  facts(): Record<string, number> {
    const { user, system } = process.cpuUsage();
    return { ...Object.fromEntries(this.ends), cpu: Math.round((user + system) / 1_000) };
  }
}

class AppRoot {}

/** A role as it is started, watched and stopped, wherever it runs. */
interface StartedRole {
  readonly start: () => Promise<readonly string[]>;
  readonly stop: () => Promise<void>;
  readonly trouble: () => string | undefined | Promise<string | undefined>;
  /** Settles when it is lost for good. */
  readonly lost?: Promise<unknown>;
}

function inThread(thread: RoleThread, services: Services): StartedRole {
  services.metrics.include(() => thread.metrics());
  return {
    start: () => thread.start(services),
    stop: () => thread.stop(),
    trouble: () => thread.trouble(),
    lost: thread.lost,
  };
}

type Transport = Omit<CustomTransportStrategy, 'close'> & RoleTransport & { close(): Promise<void> };

/** The role's transport in this app; undefined when the app does not have the role. */
function roleOf(app: NestFastifyApplication, name: RoleName): StartedRole | undefined {
  const strategy = findTransport(app, transportOf[name]);
  if (strategy === undefined) return undefined;
  return {
    start: async () => {
      await app.connectMicroservice({ strategy }).listen();
      return strategy.announcements;
    },
    stop: () => strategy.close(),
    trouble: () => strategy.trouble(),
  };
}

function findTransport(app: NestFastifyApplication, token: symbol): Transport | undefined {
  try {
    return app.get<Transport>(token, { strict: false });
  } catch {
    return undefined;
  }
}

/** The first SIGINT or SIGTERM asks for a drain, and so does the end of the supervisor; one more ends the process at once. */
class Signals {
  readonly first: Promise<string>;

  constructor() {
    this.first = new Promise((done) => {
      let seen = 0;
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.on(signal, () => {
          seen += 1;
          if (seen > 1) process.exit(exitCode.interrupted);
          done(signal);
        });
      }
      // Started by `distributed` there is a channel to it, which breaks when it dies, however it dies.
      process.once('disconnect', () => done('the supervisor is gone'));
      process.channel?.unref();
    });
  }
}

/** An error that nobody caught leaves the process in a state that nobody knows: it ends, and the next start recovers. */
function crashOnBugs({ log }: Services): void {
  // Nobody reads any more (`npm start | head`): that is no reason to stop.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.error('an error that nobody caught; the process ends', error);
      process.exit(exitCode.failed);
    });
  }
}

function explain(name: string, error: unknown): void {
  const text = isEngineError(error) ? error.message : JSON.stringify(describeError(error));
  process.stderr.write(
    `${JSON.stringify({ application: name, event: 'cannot start', error: describeError(error) })}\n`,
  );
  process.stdout.write(`\nSuture (${name}) cannot start:\n  ${text.split('\n').join('\n  ')}\n`);
}

function print(name: string, settings: Settings, services: Services, lines: readonly string[]): void {
  const { places, channels, clients } = services;
  const isDoor = name === 'engine' || name === 'api';
  const width = Math.max(...lines.map((line) => line.indexOf(':')), 8) + 2;
  const row = (key: string, value: string) => `  ${key.padEnd(width)}${value}`;
  const text = [
    '',
    `Suture ${engineVersion} (${name}) is ready after ${process.uptime().toFixed(2)} s`,
    ...lines.map((line) => row(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2))),
    ...(isDoor
      ? [row('token', `${accessTokenPath(settings)} (the operator's, opens /fhir and /admin)`)]
      : []),
    row('data', settings.dataDirectory),
    row('database', places.database),
    row('queue', places.queue),
    ...channels.problems.map(
      ({ file, line, column, code, message, remedy }) =>
        `  NOT RUNNING ${file}:${line}:${column} ${code}: ${message}; ${remedy}`,
    ),
    ...(isDoor ? clients.problems : []).map(
      ({ file, line, column, code, message, remedy }) =>
        `  NOT REGISTERED ${file}:${line}:${column} ${code}: ${message}; ${remedy}`,
    ),
  ];
  if (name === 'engine' || name === 'ingest') {
    text.push('', `Send a sample: npm run suture -- send ${join('test', 'fixtures', 'hl7v2')}`);
  }
  process.stdout.write(`${text.join('\n')}\n`);
}
