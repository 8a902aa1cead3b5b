import { performance } from 'node:perf_hooks';
import { Pool } from 'undici';

export interface HttpAsk {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: string;
}

export interface HttpLoad {
  readonly connections: number;
  readonly count: number;
  /** The n-th request, from 0 on. */
  readonly ask: (n: number) => HttpAsk;
}

export interface HttpLoadReport {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests that were answered with another status than 200 or 201. */
  readonly failed: number;
  readonly seconds: number;
}

/** Each connection is kept open and sends its next request when its last was answered. */
export async function runHttpLoad(
  origin: string,
  headers: Readonly<Record<string, string>>,
  { connections, count, ask }: HttpLoad,
): Promise<HttpLoadReport> {
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const tookMs = new Float64Array(count);
  let [next, failed] = [0, 0];
  const one = async () => {
    for (let n = next++; n < count; n = next++) {
      const sentMs = performance.now();
      const { statusCode, body } = await pool.request({ ...ask(n), headers });
      await body.arrayBuffer();
      tookMs[n] = performance.now() - sentMs;
      if (statusCode !== 200 && statusCode !== 201) failed++;
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: connections }, one));
  const seconds = (performance.now() - startMs) / 1000;
  await pool.close();
  tookMs.sort();
  const at = (share: number) => tookMs[Math.min(count - 1, Math.floor(count * share))] ?? 0;
  return { perSecond: count / seconds, p50Ms: at(0.5), p99Ms: at(0.99), failed, seconds };
}
