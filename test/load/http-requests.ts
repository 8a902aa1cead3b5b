const maxHeadBytes = 65_536;
const headEnd = Buffer.from('\r\n\r\n');
const nothing = Buffer.alloc(0);

/** A request whose last byte has come. */
export interface HttpRequest {
  /** The head as it came, one character a byte. */
  readonly head: string;
  readonly bodyBytes: number;
}

type State =
  | { readonly at: 'head' }
  | { readonly at: 'body'; readonly head: string; readonly bodyBytes: number; left: number }
  | { readonly at: 'chunks'; readonly head: string; bodyBytes: number; left: number };

/**
 * Cuts HTTP/1.1 requests out of the bytes of one connection, however they are split, and counts their bodies without
 * keeping them. Node's own parser makes objects and streams of each request, which costs more than what a receiver of
 * the benchmarks does with it. Throws on what is no such request: the peer is our own engine.
 */
export class HttpRequests {
  private state: State = { at: 'head' };
  private rest: Buffer = nothing;

  constructor(private readonly onRequest: (request: HttpRequest) => void) {}

  push(chunk: Buffer): void {
    let bytes: Buffer = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    this.rest = nothing;
    while (bytes.length > 0) {
      const taken = this.take(bytes);
      if (taken === 0) {
        if (bytes.length > maxHeadBytes) throw new Error('the head of a request does not end');
        this.rest = bytes;
        return;
      }
      bytes = bytes.subarray(taken);
    }
  }

  /** How many of the bytes were used; 0: more must come first. */
  private take(bytes: Buffer): number {
    switch (this.state.at) {
      case 'head':
        return this.takeHead(bytes);
      case 'body': {
        const taken = Math.min(bytes.length, this.state.left);
        this.state.left -= taken;
        if (this.state.left === 0) this.finish(this.state);
        return taken;
      }
      case 'chunks':
        return this.takeChunk(bytes, this.state);
    }
  }

  private takeHead(bytes: Buffer): number {
    const end = bytes.indexOf(headEnd);
    if (end < 0) return 0;
    const head = bytes.toString('latin1', 0, end + 2);
    const declared = headerOf(head, 'content-length');
    if (declared === '' && headerOf(head, 'transfer-encoding') !== '') {
      this.state = { at: 'chunks', head, bodyBytes: 0, left: 0 };
    } else {
      const left = Number(declared);
      if (!Number.isSafeInteger(left) || left < 0) throw new Error('a request has a wrong content-length');
      this.state = { at: 'body', head, bodyBytes: left, left };
      if (left === 0) this.finish(this.state);
    }
    return end + headEnd.length;
  }

  private takeChunk(bytes: Buffer, state: State & { at: 'chunks' }): number {
    if (state.left > 0) {
      const taken = Math.min(bytes.length, state.left);
      state.left -= taken;
      return taken;
    }
    const end = bytes.indexOf('\r\n');
    if (end < 0) return 0;
    if (end === 0) return 2; // the end of the chunk before
    const size = Number.parseInt(bytes.toString('latin1', 0, end), 16);
    if (!(size >= 0)) throw new Error('a chunk has a wrong size');
    if (size === 0) {
      if (bytes.length < end + 4) return 0;
      this.finish(state);
      return end + 4;
    }
    state.bodyBytes += size;
    state.left = size;
    return end + 2;
  }

  private finish({ head, bodyBytes }: { readonly head: string; readonly bodyBytes: number }): void {
    this.state = { at: 'head' };
    this.onRequest({ head, bodyBytes });
  }
}

/** The value of a header, whose name is given in lower case; '' when the head has none. */
export function headerOf(head: string, name: string): string {
  let at = head.indexOf(`\r\n${name}:`);
  // Our engine writes names in lower case; whoever does not is read more slowly.
  if (at < 0) at = head.toLowerCase().indexOf(`\r\n${name}:`);
  if (at < 0) return '';
  const start = at + name.length + 3;
  return head.slice(start, head.indexOf('\r\n', start)).trim();
}
