// Gives package-lock.json an entry for every platform's variant of a native package, also for those that the registry at
// hand does not hold. npm leaves them out when it cannot find them, and then refuses `npm ci` everywhere else.
// Run it after any change of dependencies: node .ci/complete-lockfile.mjs
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const packages = lock.packages;

/** Where Node would find `name` from the package at `path`; undefined when the lockfile does not hold it. */
function found(path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (packages[place]) return place;
    if (at === '') return undefined;
  }
}

const systems = /\b(android|darwin|linux|win32|freebsd|openbsd|netbsd|openharmony|sunos|aix)\b/;
const processors = /\b(arm64|arm|x64|ia32|ppc64|riscv64|s390x|loong64|mips64el|wasm32)\b/;

/** What a variant's name says about where it runs; npm skips an optional package whose os or cpu differs. */
function variant(name) {
  const os = systems.exec(name)?.[1];
  const cpu = processors.exec(name)?.[1];
  const libc = /\b(gnu|musl)(?:eabihf)?\b/.exec(name)?.[1];
  if (os === undefined && cpu !== 'wasm32') throw new Error(`${name}: the name does not say where it runs`);
  return {
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(os === 'linux' && libc ? { libc: [libc === 'gnu' ? 'glibc' : 'musl'] } : {}),
    ...(os === undefined ? {} : { os: [os] }),
  };
}

let added = 0;
for (const [path, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (found(path, name)) continue;
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new Error(`${name}@${version}: no exact version`);
    const { cpu, libc, os } = variant(name);
    packages[`node_modules/${name}`] = {
      version,
      ...(cpu && { cpu }),
      ...(entry.dev && { dev: true }),
      ...(libc && { libc }),
      optional: true,
      ...(os && { os }),
    };
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} entries added`);
