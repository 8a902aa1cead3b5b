import { get } from 'node:http';
import { connect } from 'node:net';
import { loadChannels } from '#channel';
import type { CommandSettings } from '../settings.js';
import { type Finding, fail, ok, warn } from './finding.js';

const TIMEOUT_MS = 2_000;

/** Whether each channel's listener and the HTTP door answer on this machine. */
export async function checkListeners(settings: CommandSettings): Promise<Finding[]> {
  const { channels } = await loadChannels(settings.channelsDirectory, settings.environment);
  const findings: Finding[] = [];
  for (const { channel, source } of channels) {
    const { host, port } = source.mllp.listen;
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

/** Asks `/ready`, which says itself what is missing. */
async function checkHttp(port: number): Promise<Finding> {
  const status = await new Promise<number | undefined>((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/ready', timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(undefined));
  });
  if (status === 200) return ok('http', `ready on port ${port}`);
  return status === undefined
    ? fail(
        'http',
        `nobody answers on port ${port}`,
        'start the engine (npm start), or set SUTURE_HTTP_PORT to its port',
      )
    : warn(
        'http',
        `answers on port ${port}, but is not ready (${status})`,
        `see http://127.0.0.1:${port}/ready`,
      );
}
