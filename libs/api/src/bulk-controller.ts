import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { missingNeed, nameOfCaller } from '#access';
import type { ExportRequest, Job } from '#bulk';
import { EngineError } from '#kernel';
import type { ResourceReader } from '#store';
import { API_SERVICES, type ApiServices, RESOURCE_READER } from './api-services.js';
import { exportRequest, membersOf, requireAsync } from './bulk-request.js';
import { type HttpReply, type HttpRequest, headerText, queryPairs } from './http-exchange.js';
import { bodyPairs } from './operation-parameters.js';
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

  @Post('$export')
  async exportSystemByPost(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.exportSystem(request, reply);
  }

  @Get('Patient/$export')
  async exportPatients(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.export(request, reply, { level: 'patients' });
  }

  @Post('Patient/$export')
  async exportPatientsByPost(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.exportPatients(request, reply);
  }

  @Get('Group/:id/$export')
  async exportGroup(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const group = await this.reader.read('Group', request.params['id'] ?? '');
    if (group === undefined || group.deleted) throw unknownResource();
    await this.export(request, reply, { level: 'group', patients: membersOf(group.text) });
  }

  @Post('Group/:id/$export')
  async exportGroupByPost(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.exportGroup(request, reply);
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
    const { caller } = request;
    const search = { type: '*', permission: 's' } as const;
    const maySearch = caller !== undefined && missingNeed(caller, [search]) === undefined;
    const about = { url: this.urlOf(request), maySearch };
    const job = await this.services.bulk.import(about, request.body, ownerOf(request));
    this.accepted(request, reply, job);
  }

  @Get('_bulk/:job')
  async status(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const job = await this.jobOf(request);
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
    const { id } = await this.jobOf(request);
    const found = await this.services.bulk.file(id, request.params['file'] ?? '');
    if (found === undefined) throw unknownJob();
    const { path, file } = found;
    const stored = createReadStream(path, { end: file.bytes - 1 });
    reply.header('content-type', NDJSON).header('vary', 'Accept-Encoding');
    if (!takesGzip(request)) {
      reply.header('content-length', String(file.bytes)).send(stored);
      return;
    }
    const zipped = createGzip();
    // A file that cannot be read ends the answer short, and its connection: the client sees that it is not whole.
    pipeline(stored, zipped, () => {});
    reply.header('content-encoding', 'gzip').send(zipped);
  }

  @Delete('_bulk/:job')
  async remove(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const { id } = await this.jobOf(request);
    if (!(await this.services.bulk.remove(id))) throw unknownJob();
    reply.code(202).send();
  }

  /** A job is open to whoever filed it, and to the operator; to others it is not there. */
  private async jobOf(request: HttpRequest): Promise<Job> {
    const job = await this.services.bulk.find(request.params['job'] ?? '');
    const asking = ownerOf(request);
    if (job !== undefined && (asking === 'operator' || job.owner === asking)) return job;
    throw unknownJob();
  }

  private async export(
    request: HttpRequest,
    reply: HttpReply,
    what: Pick<ExportRequest, 'level' | 'patients'>,
  ): Promise<void> {
    requireAsync(request);
    // What a read would shape its answer by, an export takes for its files.
    const query = queryPairs(request.url).filter(([name]) => name !== '_format');
    // Identities of patients do not belong in addresses, which are logged on the way (Bulk Data 2.0 has it in bodies only).
    if (query.some(([name]) => name === 'patient')) throw patientInAddress();
    const pairs = [...query, ...bodyPairs(request)];
    const asked = exportRequest(pairs, { url: this.urlOf(request), ...what }, isLenient(request));
    this.accepted(request, reply, await this.services.bulk.export(asked, ownerOf(request)));
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

function ownerOf({ caller }: HttpRequest): string {
  return caller === undefined ? '' : nameOfCaller(caller);
}

/** RFC 9110, section 12.5.3. */
function takesGzip(request: HttpRequest): boolean {
  const codings = (headerText(request, 'accept-encoding') ?? '').toLowerCase().split(',');
  return codings.some((coding) => {
    const [name = '', ...weights] = coding.split(';').map((part) => part.trim());
    return name === 'gzip' && !weights.some((weight) => /^q=0(\.0*)?$/.test(weight));
  });
}

function patientInAddress(): EngineError {
  const message = 'patient stands in the Parameters of a POST, not in the address';
  return new EngineError('rejected', 'SEARCH_VALUE_INVALID', message, { cause: { at: 'http.patient' } });
}

function unknownJob(): EngineError {
  return new EngineError('rejected', 'BULK_JOB_UNKNOWN', 'there is no such job or file, or it was removed');
}
