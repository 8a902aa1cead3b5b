import { resolve } from 'node:path';
import type { ChannelFile, Destination } from '#channel';
import {
  DirectoryDestination,
  FhirDestination,
  HttpDestination,
  MllpDestination,
  type WebhookSigner,
} from '#connectors';
import { assert } from '#kernel';
import type { DeliveryTarget } from '#pipeline';
import type { ChannelCatalog } from './channel-catalog.js';

const defaultTimeoutMs = 30_000;
const defaultRetry = { firstAfterMs: 1_000, atMostEveryMs: 300_000 };

/** What destinations have from the installation, not from their file. */
export interface Installed {
  /** Names this installation where a receiver may have several. */
  readonly origin: string;
  readonly signer: WebhookSigner;
}

type Declared = NonNullable<ReturnType<NonNullable<ChannelFile['destinations']>['get']>>;

/** Every destination of every channel of this process, ready to be sent to. */
export function destinationsOf(channels: ChannelCatalog, installed: Installed): DeliveryTarget[] {
  return channels.channels.flatMap(({ file }) =>
    [...(file.destinations ?? [])].map(([short, declared]): DeliveryTarget => {
      const name = `${file.channel}.${short}`;
      const id = channels.destinations.get(name);
      assert(id !== undefined, 'DESTINATION_WITHOUT_NUMBER', name);
      const { retry, mllp } = declared;
      return {
        id,
        channel: file.channel,
        destination: destinationOf(name, declared, installed),
        // Over MLLP a connection has one message in flight.
        concurrency: mllp && (mllp.connections ?? 1),
        retry: {
          firstAfterMs: retry?.first_after ?? defaultRetry.firstAfterMs,
          atMostEveryMs: retry?.at_most_every ?? defaultRetry.atMostEveryMs,
          giveUpAfterMs: retry?.give_up_after,
        },
      };
    }),
  );
}

function destinationOf(name: string, declared: Declared, { origin, signer }: Installed): Destination {
  const { http, fhir, mllp, directory } = declared;
  if (http) {
    return new HttpDestination({
      name,
      url: http.url,
      timeoutMs: http.timeout ?? defaultTimeoutMs,
      origin,
      authorizationFile: http.authorization,
      signature: http.sign === undefined ? undefined : { signer, key: http.sign },
    });
  }
  if (fhir) return fhirDestination(name, fhir);
  if (mllp) return mllpDestination(name, mllp);
  assert(directory, 'DESTINATION_WITHOUT_KIND', name);
  return new DirectoryDestination({
    name,
    path: resolve(directory.path),
    format: directory.format ?? 'bundle',
  });
}

function fhirDestination(name: string, fhir: NonNullable<Declared['fhir']>): FhirDestination {
  const { url, mode, identifiers, without, authorization, smart, timeout } = fhir;
  return new FhirDestination({
    name,
    url,
    mode: mode ?? 'transaction',
    identifiers: identifiers ?? new Map(),
    without: new Set(without),
    timeoutMs: timeout ?? defaultTimeoutMs,
    authorizationFile: authorization,
    smart: smart && {
      tokenUrl: smart.token_url,
      client: smart.client,
      keyFile: smart.key,
      scope: smart.scope,
    },
  });
}

function mllpDestination(name: string, mllp: NonNullable<Declared['mllp']>): MllpDestination {
  const { address, tls, timeout, character_set } = mllp;
  return new MllpDestination({
    name,
    host: address.host,
    port: address.port,
    inUtf8: character_set === 'utf-8',
    replyTimeoutMs: timeout ?? defaultTimeoutMs,
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...(tls.ca === undefined ? {} : { caFile: tls.ca }),
            ...(tls.cert === undefined ? {} : { certFile: tls.cert }),
            ...(tls.key === undefined ? {} : { keyFile: tls.key }),
            ...(tls.server_name === undefined ? {} : { serverName: tls.server_name }),
          },
        }),
  });
}
