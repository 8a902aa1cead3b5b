import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { ExportRequest, Job } from '#bulk';
import { EngineError } from '#kernel';
import type { ResourceReader } from '#store';
import { API_SERVICES, type ApiServices, RESOURCE_READER } from './api-services.js';
import { exportRequest, membersOf, requireAsync } from './bulk-request.js';
import { type HttpReply, type HttpRequest, queryPairs } from './http-exchange.js';
import { FHIR_JSON, isLenient } from './representation.js';
import { fhirAddress } from './request-address.js';
import { unknownResource } from './resource-reply.js';

const RETRY_AFTER_S = '2';
const NDJSON = 'application/fhir+ndjson';

/** Bulk Data 2.0: $export, and $import of NDJSON, both as jobs that the client asks after. All of it needs the access token. */
@Controller('fhir')
export class BulkController {
  constructor(
    @Inject(API_SERVICES) private readonly services: ApiServices,
    @Inject(RESOURCE_READER) private readonly reader: ResourceReader,
  ) {}

  @Get('$export')
  async exportSystem(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.export(request, reply, { level: 'system' });
  }

  @Get('Patient/$export')
  async exportPatients(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.export(request, reply, { level: 'patients' });
  }

  @Get('Group/:id/$export')
  async exportGroup(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const group = await this.reader.read('Group', request.params['id'] ?? '');
    if (group === undefined || group.deleted) throw unknownResource();
    await this.export(request, reply, { level: 'group', patients: membersOf(group.text) });
  }

  /** The token was checked before the body was read. */
  @Post('$import')
  async import(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireAsync(request);
    if (!(request.body instanceof Readable)) {
      throw new EngineError('rejected', 'IMPORT_BODY_INVALID', `the body of an import is ${NDJSON}`, {
        cause: { at: 'http.Content-Type' },
      });
    }
    this.accepted(request, reply, await this.services.bulk.import(this.urlOf(request), request.body));
  }

  @Get('_bulk/:job')
  async status(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const job = await this.services.bulk.find(request.params['job'] ?? '');
    if (job === undefined) throw unknownJob();
    switch (job.state) {
      case 'open':
        reply.code(202).header('x-progress', progressOf(job)).header('retry-after', RETRY_AFTER_S).send();
        return;
      case 'failed':
        throw new EngineError(
          'bug',
          'BULK_FAILED',
          `the job ended with ${job.error ?? 'an error'}; see the log`,
        );
      case 'done': {
        const expiresMs = this.services.bulk.expiresMs(job) ?? 0;
        const manifest = manifestOf(job, `${fhirAddress(request, this.services)}/_bulk/${job.id}`);
        reply
          .code(200)
          .header('expires', new Date(expiresMs).toUTCString())
          .header('content-type', 'application/json; charset=utf-8')
          .send(JSON.stringify(manifest));
      }
    }
  }

  @Get('_bulk/:job/:file')
  async file(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const { job = '', file: name = '' } = request.params;
    const found = await this.services.bulk.file(job, name);
    if (found === undefined) throw unknownJob();
    const { path, file } = found;
    reply
      .header('content-type', NDJSON)
      .header('content-length', String(file.bytes))
      .send(createReadStream(path, { end: file.bytes - 1 }));
  }

  @Delete('_bulk/:job')
  async remove(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    if (!(await this.services.bulk.remove(request.params['job'] ?? ''))) throw unknownJob();
    reply.code(202).send();
  }

  private async export(
    request: HttpRequest,
    reply: HttpReply,
    what: Pick<ExportRequest, 'level' | 'patients'>,
  ): Promise<void> {
    requireAsync(request);
    // What a read would shape its answer by, an export takes for its files.
    const pairs = queryPairs(request.url).filter(([name]) => name !== '_format');
    const asked = exportRequest(pairs, { url: this.urlOf(request), ...what }, isLenient(request));
    this.accepted(request, reply, await this.services.bulk.export(asked));
  }

  private accepted(request: HttpRequest, reply: HttpReply, job: string): void {
    const location = `${fhirAddress(request, this.services)}/_bulk/${job}`;
    reply.code(202).header('content-location', location).header('content-type', FHIR_JSON).send();
  }

  private urlOf(request: HttpRequest): string {
    return fhirAddress(request, this.services) + request.url.slice('/fhir'.length);
  }
}

/** Less than 100 characters (Bulk Data 2.0). */
function progressOf({ plan, progress, request }: Job): string {
  if (plan === undefined) return 'waiting';
  const resources = `${progress.written} resources`;
  if (request.kind === 'export')
    return request.patients
      ? `${resources}, patient ${progress.scope} of ${request.patients.length}`
      : resources;
  return `${resources}, ${Math.floor((100 * progress.at) / Math.max(1, plan.end))}%`;
}

/** The manifest of what a job made; an import makes only a list of what it refused. */
function manifestOf({ request, plan, progress }: Job, address: string): object {
  const of = (kind: string) =>
    progress.files
      .filter((file) => file.kind === kind)
      .map(({ type, name, count }) => ({ type, url: `${address}/${name}`, count }));
  const { lines, written, created } = progress;
  const refused = of('error').reduce((sum, { count }) => sum + count, 0);
  return {
    transactionTime: new Date(plan?.asOfMs ?? 0).toISOString(),
    request: request.url,
    requiresAccessToken: true,
    output: of('output'),
    ...(request.kind === 'export' ? { deleted: of('deleted') } : {}),
    error: of('error'),
    ...(request.kind === 'import'
      ? { extension: { 'urn:x-suture:import': { lines, created, updated: written - created, refused } } }
      : {}),
  };
}

function unknownJob(): EngineError {
  return new EngineError('rejected', 'BULK_JOB_UNKNOWN', 'there is no such job or file, or it was removed');
}
