/** Names that say themselves that somebody is still writing, or that belong to another file. */
const leftAlone = /^\.|~$|\.(?:tmp|part|partial|filepart|crdownload|swp|sha256|md5)$|\.report\.json$/i;

export const checksumAlgorithms = ['sha256', 'md5'] as const;
export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number];

/** Which names a folder source takes: `*` is any characters, `?` one; case does not matter. */
export function namesLike(pattern: string): (name: string) => boolean {
  const text = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const like = new RegExp(`^${text}$`, 'is');
  return (name) => !leftAlone.test(name) && like.test(name);
}

/** The sum in a checksum file, as sha256sum, md5sum and their BSD kin write it; undefined when there is none. */
export function checksumIn(text: string, algorithm: ChecksumAlgorithm): string | undefined {
  const length = algorithm === 'sha256' ? 64 : 32;
  return new RegExp(`(?<![0-9a-f])[0-9a-f]{${length}}(?![0-9a-f])`, 'i').exec(text)?.[0].toLowerCase();
}

/** `name`, then `name.1` and so on: the names under which a file may be kept, none of which may be taken. */
export function* namesFor(name: string, nowMs: number): Generator<string> {
  yield name;
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:.]/g, '');
  yield `${name}.${stamp}`;
  for (let n = 2; n < 1_000; n++) yield `${name}.${stamp}.${n}`;
}
