import { resolve } from 'node:path';
import type { MllpClientOptions } from '#connectors';
import { EngineError } from '#kernel';
import { UsageError } from './arguments.js';
import type { Call } from './verb.js';

export interface MllpAddress {
  readonly host: string;
  readonly port: number;
  readonly tls?: NonNullable<MllpClientOptions['tls']>;
  /** True for an engine of this machine: then the remedy for silence is to start it. */
  readonly isOwn: boolean;
}

/** Where `send` goes: what was typed, else the channel's file, else the sample channel's port on this machine. */
export async function receiverOf(call: Call): Promise<MllpAddress> {
  const typed = call.arguments;
  const name = typed.text('channel');
  const channel = name === undefined ? undefined : await listenAddressOf(name, call);
  const host = typed.text('host') ?? channel?.host ?? '127.0.0.1';
  const port = typed.count('port', 1, 65_535) ?? channel?.port ?? call.settings.mllpPort;
  if (port === 0)
    throw new UsageError(
      `channel '${name ?? ''}' picks its port when it starts; give the printed one with --port`,
    );
  const tls = tlsOf(call, channel?.tls === true);
  return { host, port, isOwn: typed.text('host') === undefined, ...(tls === undefined ? {} : { tls }) };
}

function tlsOf(call: Call, channelSpeaksTls: boolean): MllpAddress['tls'] {
  const file = (name: string) => {
    const path = call.arguments.text(name);
    return path === undefined ? undefined : resolve(call.settings.typedFrom, path);
  };
  const caFile = file('ca');
  const certFile = file('cert');
  const keyFile = file('key');
  const serverName = call.arguments.text('server-name');
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new UsageError('--cert and --key go together');
  const asked =
    call.arguments.has('tls') || [caFile, certFile, serverName].some((value) => value !== undefined);
  if (!asked && !channelSpeaksTls) return undefined;
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined || keyFile === undefined ? {} : { certFile, keyFile }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

async function listenAddressOf(name: string, call: Call) {
  const { loadChannels } = await import('#channel');
  const { channels, problems } = await loadChannels(
    call.settings.channelsDirectory,
    call.settings.environment,
  );
  const mllp = channels.find((channel) => channel.channel === name)?.source.mllp;
  if (mllp === undefined) {
    const known = channels.map((channel) => channel.channel).join(', ') || 'none';
    const broken = problems.length > 0 ? '; some channel files have problems: suture validate' : '';
    throw new EngineError(
      'misconfigured',
      'CHANNEL_NOT_FOUND',
      `no channel '${name}' (there are: ${known})${broken}`,
    );
  }
  const { host, port } = mllp.listen;
  // What listens on every address is reached on this machine by loopback.
  const isEvery = host === '0.0.0.0' || host === '::';
  return { host: isEvery ? '127.0.0.1' : host, port, tls: mllp.tls !== undefined };
}
