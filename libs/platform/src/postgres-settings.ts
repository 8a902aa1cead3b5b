import { release, totalmem } from 'node:os';

const mebibyte = 1024 * 1024;

/**
 * Server settings of the embedded PostgreSQL, given on its command line so that an upgrade changes them. Durability
 * (fsync, synchronous_commit, full_page_writes) is named though it is the default: it is the promise of the engine.
 */
export function postgresSettings(port: number): readonly string[] {
  const sharedBuffersMb = Math.min(256, Math.max(32, Math.floor(totalmem() / mebibyte / 16)));
  const settings: Record<string, string> = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    shared_buffers: `${sharedBuffersMb}MB`,
    huge_pages: 'off',
    wal_buffers: '16MB',
    // Few, long checkpoints: each one makes the next write of every page a full page in the log.
    max_wal_size: '2GB',
    min_wal_size: '256MB',
    checkpoint_timeout: '15min',
    wal_compression: 'pglz',
    // No waiting for siblings: the engine itself commits many messages at once.
    commit_delay: '0',
    // Statements are short index reads; compiling or parallel plans cost more than they save.
    jit: 'off',
    max_parallel_workers_per_gather: '0',
    max_parallel_maintenance_workers: '0',
    // With everything in memory, reads through worker processes are hand-overs for nothing.
    io_method: 'sync',
    max_logical_replication_workers: '0',
    random_page_cost: '1.1',
    autovacuum_max_workers: '2',
    // Tables that only grow need few visits, and hot rows are pruned where they are written.
    autovacuum_naptime: '60s',
    // Every statement of the data path goes by an index; a sample of 3,000 rows tells enough about the rest.
    default_statistics_target: '10',
    update_process_title: 'off',
    // After a crash everything is synced first; asking the file system once takes a third of the time of asking per file.
    ...(syncfsTellsErrors() ? { recovery_init_sync_method: 'syncfs' } : {}),
    // Nothing of a message may reach the log: no statements, no parameter values, no DETAIL lines with keys.
    log_min_messages: 'warning',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_parameter_max_length: '0',
    log_checkpoints: 'off',
    log_timezone: 'UTC',
    timezone: 'UTC',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Before Linux 5.8 syncfs() kept silent about what it could not write. */
function syncfsTellsErrors(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return process.platform === 'linux' && (major > 5 || (major === 5 && minor >= 8));
}
