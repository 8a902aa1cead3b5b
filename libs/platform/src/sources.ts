import { join, resolve } from 'node:path';
import {
  acceptedBy,
  type ChannelFile,
  type FileFormat,
  layersOfChannel,
  rowsFormatOf,
  type Source,
} from '#channel';
import {
  csvFormat,
  type FileSourceEvent,
  FolderSource,
  fileDefaults,
  fileFormats,
  HttpSource,
  LocalFolder,
  MllpSource,
  SftpFolder,
} from '#connectors';
import { MappingLibrary } from '#mapping';
import type { Log } from '#telemetry';
import type { RoleServices } from './services.js';

/** What a role takes in: messages over MLLP, or files, which must not make acknowledgments wait. */
export type SourceKind = 'mllp' | 'files';

/** A source as a role runs it. */
export interface OpenedSource extends Source {
  readonly counters: object;
  /** Why it does not take anything now. */
  trouble?(): string | undefined;
}

/** Whether a channel takes files. */
export function takesFiles({ source }: ChannelFile): boolean {
  return source.mllp === undefined;
}

/** The sources of one kind, of all channels of this process. */
export function sourcesOf(services: RoleServices, kind: SourceKind): OpenedSource[] {
  return services.channels.channels.flatMap(({ file }): OpenedSource[] => {
    const log = services.log.with({ channel: file.channel });
    const { mllp, directory, http, sftp } = file.source;
    if (kind === 'mllp') return mllp === undefined ? [] : [mllpSource(file.channel, mllp, log)];
    const taking = { channel: file.channel, formats: formatsOf(services, file), log };
    if (directory) return [directorySource(taking, directory)];
    if (http) return [httpSource(taking, http)];
    return sftp ? [sftpSource(taking, sftp, services.settings.dataDirectory)] : [];
  });
}

/** A channel that takes files. */
interface FileChannel {
  readonly channel: string;
  readonly formats: readonly FileFormat[];
  readonly log: Log;
}

/** Rows need the layouts of the maps that the channel accepts. */
function formatsOf({ settings }: RoleServices, file: ChannelFile): readonly FileFormat[] {
  const { directory, http, sftp } = file.source;
  const { format = 'auto' } = directory ?? http ?? sftp ?? {};
  const said = typeof format === 'string' ? format : 'csv';
  const overrides = rowsFormatOf(file);
  if (overrides === undefined) return fileFormats(said);
  const accepted = acceptedBy(file);
  const { layouts } = new MappingLibrary(settings.mappingsDirectory).set(layersOfChannel(file));
  const own = layouts.filter(({ name }) => accepted.includes(name));
  return fileFormats(said, csvFormat(own, overrides));
}

type Said<Name extends keyof ChannelFile['source']> = NonNullable<ChannelFile['source'][Name]>;

function mllpSource(channel: string, said: Said<'mllp'>, log: Log): MllpSource {
  const { listen, tls, frame_max, idle_timeout, max_connections } = said;
  return new MllpSource({
    channel,
    host: listen.host,
    port: listen.port,
    ...(tls === undefined ? {} : { tls: tlsFiles(tls) }),
    ...(frame_max === undefined ? {} : { frameMaxBytes: frame_max }),
    ...(idle_timeout === undefined ? {} : { idleTimeoutMs: idle_timeout }),
    ...(max_connections === undefined ? {} : { maxConnections: max_connections }),
    report: ({ event, ...facts }) => {
      // A peer that hangs up in order is everyday life, a thousand times an hour behind some load balancers.
      const isOrdinary = event === 'connection-closed' && 'reason' in facts && facts.reason === 'peer';
      if (isOrdinary) log.debug(event, facts);
      else log.info(event, facts);
    },
  });
}

function directorySource(file: FileChannel, said: Said<'directory'>): FolderSource {
  const path = resolve(said.path);
  const folder = new LocalFolder({
    path,
    pattern: said.pattern ?? '*',
    claimed: join(path, '.claimed'),
    archive: resolve(path, said.archive ?? 'archive'),
    error: resolve(path, said.error ?? 'error'),
    needsChecksum: said.checksum === 'required',
  });
  return new FolderSource({ ...folderOptions(file, said), pollMs: said.poll ?? 2_000 }, folder);
}

function sftpSource(file: FileChannel, said: Said<'sftp'>, dataDirectory: string): FolderSource {
  const folder = new SftpFolder({
    host: said.host,
    port: said.port ?? 22,
    user: said.user,
    keyFile: said.key,
    hostKey: said.host_key,
    path: said.path,
    pattern: said.pattern ?? '*',
    archive: said.archive ?? 'archive',
    error: said.error ?? 'error',
    needsChecksum: said.checksum === 'required',
    spool: join(dataDirectory, 'spool', file.channel),
    fileMaxBytes: said.max_size ?? fileDefaults.fileMaxBytes,
  });
  return new FolderSource({ ...folderOptions(file, said), pollMs: said.poll ?? 30_000 }, folder);
}

function httpSource(file: FileChannel, said: Said<'http'>): HttpSource {
  return new HttpSource({
    ...fileOptions(file, said),
    fileMaxBytes: said.max_size ?? fileDefaults.requestMaxBytes,
    host: said.listen.host,
    port: said.listen.port,
    path: said.path ?? '/',
    ...(said.tls === undefined ? {} : { tls: tlsFiles(said.tls) }),
    ...(said.authorization === undefined ? {} : { authorizationFile: said.authorization }),
    ...(said.request_timeout === undefined ? {} : { requestTimeoutMs: said.request_timeout }),
    ...(said.max_connections === undefined ? {} : { maxConnections: said.max_connections }),
  });
}

function folderOptions(file: FileChannel, said: Said<'directory'> | Said<'sftp'>) {
  return {
    ...fileOptions(file, said),
    order: said.order ?? 'name',
    settleMs: said.settle ?? 5_000,
  } as const;
}

function fileOptions(
  { channel, formats, log }: FileChannel,
  said: Said<'directory'> | Said<'http'> | Said<'sftp'>,
) {
  const { entriesMax, totalBytesMax, ratioMax } = fileDefaults.zip;
  return {
    channel,
    formats,
    fileMaxBytes: said.max_size ?? fileDefaults.fileMaxBytes,
    unitMaxBytes: said.unit_max ?? fileDefaults.unitMaxBytes,
    zip: {
      entriesMax: said.zip?.max_files ?? entriesMax,
      totalBytesMax: said.zip?.max_size ?? totalBytesMax,
      ratioMax: said.zip?.max_ratio ?? ratioMax,
    },
    report: ({ event, ...facts }: FileSourceEvent) => {
      if (event === 'file-taken') log.info(event, facts);
      else log.warn(event, facts);
    },
  };
}

function tlsFiles({ cert, key, client_ca }: NonNullable<Said<'mllp'>['tls']>) {
  return { certFile: cert, keyFile: key, ...(client_ca === undefined ? {} : { clientCaFile: client_ca }) };
}
