// Loaded by `node --import` into an engine under test: as soon as the file of SUTURE_TEST_THREAD_DIES exists, one of its
// threads, whichever removes the file, fails with an error that nobody catches.
import { unlinkSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const lookEveryMs = 10;
const order = process.env.SUTURE_TEST_THREAD_DIES;

if (!isMainThread && order !== undefined) {
  setInterval(() => {
    try {
      unlinkSync(order);
    } catch {
      return; // not yet, or another thread's
    }
    throw new Error('asked to die');
  }, lookEveryMs).unref();
}
