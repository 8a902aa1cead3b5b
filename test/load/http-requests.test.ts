import { describe, expect, test } from '@jest/globals';
import { type HttpRequest, HttpRequests, headerOf } from './http-requests.js';

const plain = 'POST / HTTP/1.1\r\nhost: a\r\nsuture-event-number: 7\r\ncontent-length: 5\r\n\r\nhello';
const empty = 'GET / HTTP/1.1\r\nHost: a\r\nSuture-Event-Number:8\r\n\r\n';
const chunked =
  'POST / HTTP/1.1\r\nsuture-event-number: 9\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\nA\r\n0123456789\r\n0\r\n\r\n';

function cut(text: string, step: number): HttpRequest[] {
  const found: HttpRequest[] = [];
  const requests = new HttpRequests((request) => found.push(request));
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += step) requests.push(bytes.subarray(at, at + step));
  return found;
}

describe('requests of a connection', () => {
  test('they are found wherever their bytes are split, with the headers and the length of the body', () => {
    const text = plain + empty + chunked + plain;
    for (let step = 1; step <= text.length; step++) {
      const found = cut(text, step);
      expect(found.map(({ head }) => headerOf(head, 'suture-event-number'))).toEqual(['7', '8', '9', '7']);
      expect(found.map(({ bodyBytes }) => bodyBytes)).toEqual([5, 0, 13, 5]);
    }
  });

  test('a request counts only when its last byte has come', () => {
    for (const text of [plain, empty, chunked]) expect(cut(text.slice(0, -1), 1)).toHaveLength(0);
  });

  test('what is no request is refused', () => {
    expect(() => cut('POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n', 4)).toThrow('content-length');
    expect(() => cut('x'.repeat(70_000), 1_000)).toThrow('does not end');
  });
});
