import { get } from 'node:http';
import { connect } from 'node:net';
import { loadChannels } from '#channel';
import type { CommandSettings } from '../settings.js';
import { type Finding, fail, ok, warn } from './finding.js';

const TIMEOUT_MS = 2_000;
const MAX_ANSWER_CHARACTERS = 10_000;

/** Whether each channel's listener and the HTTP door answer on this machine. */
export async function checkListeners(settings: CommandSettings): Promise<Finding[]> {
  const { channels } = await loadChannels(settings.channelsDirectory, settings.environment);
  const findings: Finding[] = [];
  for (const { channel, source } of channels) {
    // Folders have no listener; whether they can be used, the engine says in its first lines and in /ready.
    const listen = (source.mllp ?? source.http)?.listen;
    if (listen === undefined) continue;
    const { host, port } = listen;
    const isEvery = host === '0.0.0.0' || host === '::';
    findings.push(await checkListener(`channel ${channel}`, isEvery ? '127.0.0.1' : host, port));
  }
  return [...findings, await checkHttp(settings.httpPort)];
}

async function checkListener(check: string, host: string, port: number): Promise<Finding> {
  if (port === 0) return ok(check, 'picks its port at start; the engine prints it');
  const answers = await new Promise<boolean>((resolve) => {
    const socket = connect({ host, port });
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(TIMEOUT_MS, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
  return answers
    ? ok(check, `listens on ${host}:${port}`)
    : fail(
        check,
        `nobody listens on ${host}:${port}`,
        'start the engine (npm start); if it runs, its first lines say why this channel does not',
      );
}

interface ReadyAnswer {
  readonly status: number;
  /** What is not in order, a sentence each. */
  readonly troubles: readonly string[];
}

/** Asks `/ready`, which says itself what is missing. */
async function checkHttp(port: number): Promise<Finding> {
  const answer = await askReady(port);
  if (answer === undefined) {
    const remedy = 'start the engine (npm start), or set SUTURE_HTTP_PORT to its port';
    return fail('http', `nobody answers on port ${port}`, remedy);
  }
  if (answer.status === 200) return ok('http', `ready on port ${port}`);
  const why = answer.troubles.join('; ') || `HTTP status ${answer.status}`;
  return warn('http', `answers on port ${port}, but is not ready: ${why}`, 'the log of the engine says more');
}

function askReady(port: number): Promise<ReadyAnswer | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/ready', timeout: TIMEOUT_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        if (text.length < MAX_ANSWER_CHARACTERS) text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, troubles: troublesIn(text) }));
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(undefined));
  });
}

function troublesIn(text: string): string[] {
  try {
    const { parts } = JSON.parse(text) as { parts?: Record<string, unknown> };
    const troubled = Object.entries(parts ?? {}).filter(([, state]) => state !== 'ok');
    return troubled.map(([part, state]) => `${part}: ${String(state)}`);
  } catch {
    return []; // another program answers on this port
  }
}
