// Loaded by `node --import` into an engine under test: as soon as the file of SUTURE_TEST_THREAD_DIES names one of its
// threads, counted from 1 in the order of their start, that one fails with an error that nobody catches.
import { readFileSync, unlinkSync } from 'node:fs';
import { isMainThread, threadId } from 'node:worker_threads';

const lookEveryMs = 10;
const order = process.env.SUTURE_TEST_THREAD_DIES;

if (!isMainThread && order !== undefined) {
  setInterval(() => {
    try {
      if (readFileSync(order, 'utf8') !== String(threadId)) return;
    } catch {
      return; // not yet
    }
    unlinkSync(order);
    throw new Error('asked to die');
  }, lookEveryMs).unref();
}
