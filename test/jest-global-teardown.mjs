import { rmSync } from 'node:fs';

export default async function teardown() {
  const started = globalThis.sutureTestPostgres;
  if (started === undefined) return;
  await started.postgres.stop();
  rmSync(started.dataDirectory, { recursive: true, force: true });
}
