import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CommandSettings } from '../settings.js';
import { type Finding, fail, ok, warn } from './finding.js';

const OLDEST_NODE = [20, 19] as const;
const GIB = 1024 ** 3;
const FREE_WARN_BYTES = 5 * GIB;
const FREE_FAIL_BYTES = GIB / 2;

/** The Node that runs this, which is the one that runs the engine. */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const isNewEnough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  return isNewEnough
    ? ok('node', version)
    : fail('node', `${version} is too old`, `install Node ${OLDEST_NODE.join('.')} or newer`);
}

/** The data directory: there, writable, private, with room. */
export async function checkDataDirectory({ dataDirectory }: CommandSettings): Promise<Finding[]> {
  const check = 'data directory';
  const facts = await stat(dataDirectory).catch(() => undefined);
  if (facts === undefined) {
    const canMake = await isWritable(dirname(dataDirectory));
    return canMake
      ? [
          warn(
            check,
            `${dataDirectory} does not exist yet`,
            'the engine makes it when it first starts: npm start',
          ),
        ]
      : [
          fail(
            check,
            `${dataDirectory} cannot be made`,
            'set SUTURE_DATA_DIR to a directory that this account may write',
          ),
        ];
  }
  if (!facts.isDirectory() || !(await isWritable(dataDirectory)))
    return [
      fail(
        check,
        `${dataDirectory} is not writable for this account`,
        'run as the account of the engine, or give the directory to it',
      ),
    ];
  const isPrivate = (facts.mode & 0o077) === 0;
  const place = isPrivate
    ? ok(check, dataDirectory)
    : warn(check, `${dataDirectory} can be read by other accounts`, `chmod 700 ${dataDirectory}`);
  return [place, await checkRoom(dataDirectory)];
}

async function checkRoom(directory: string): Promise<Finding> {
  const check = 'disk space';
  const { bavail, bsize, blocks } = await statfs(directory);
  const free = bavail * bsize;
  const detail = `${(free / GIB).toFixed(1)} GiB free (${Math.round((bavail / Math.max(1, blocks)) * 100)} %)`;
  const remedy = 'make room: a full disk stops intake (senders wait, nothing is lost)';
  if (free < FREE_FAIL_BYTES) return fail(check, detail, remedy);
  return free < FREE_WARN_BYTES ? warn(check, detail, remedy) : ok(check, detail);
}

async function isWritable(directory: string): Promise<boolean> {
  return access(directory, constants.W_OK).then(
    () => true,
    () => false,
  );
}
