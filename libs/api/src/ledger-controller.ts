import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { EngineError } from '#kernel';
import { API_SERVICES, type ApiServices } from './api-services.js';
import type { HttpReply, HttpRequest } from './http-exchange.js';

/** C2SP tlog-tiles: level 0 to 63 or `entries`, the index in groups of three digits, a width 1 to 255 if partial. */
const TILE =
  /^tile\/(?:entries|[0-9]|[1-5][0-9]|6[0-3])(?:\/x[0-9]{3}){0,5}\/[0-9]{3}(?:\.p\/(?:[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?$/;

/** A tile of a given name never changes; the checkpoint changes with every batch. */
const TILE_CACHE = 'public, max-age=31536000, immutable';
const CHECKPOINT_CACHE = 'no-cache';

/** The ledger as C2SP tlog-tiles, for every auditor: it holds no personal data. */
@Controller('ledger')
export class LedgerController {
  constructor(@Inject(API_SERVICES) private readonly services: ApiServices) {}

  @Get('checkpoint')
  async checkpoint(@Res() reply: HttpReply): Promise<void> {
    const note = await this.read('checkpoint');
    reply
      .header('content-type', 'text/plain; charset=utf-8')
      .header('cache-control', CHECKPOINT_CACHE)
      .send(note);
  }

  @Get('tile/*')
  async tile(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    // The path as sent, not decoded: what is escaped is no tile, so nothing can climb out of the directory.
    const path = (request.url.split('?', 1)[0] ?? '').replace(/^\/ledger\//, '');
    if (!TILE.test(path)) throw unknownFile();
    const tile = await this.read(path);
    reply.header('content-type', 'application/octet-stream').header('cache-control', TILE_CACHE).send(tile);
  }

  private async read(path: string): Promise<Buffer> {
    try {
      return await readFile(join(this.services.ledgerDirectory, path));
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (code === 'ENOENT' || code === 'ENOTDIR') throw unknownFile();
      throw error;
    }
  }
}

function unknownFile(): EngineError {
  return new EngineError('rejected', 'LEDGER_FILE_UNKNOWN', 'the ledger has no such tile, or not yet');
}
