import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { type FhirObject, isResourceType, readJson, writeJson } from '#fhir';
import { EngineError } from '#kernel';
import type { ResourceReader } from '#store';
import { type ValidationRequest, validate } from '#validation';
import { API_SERVICES, type ApiServices, RESOURCE_READER } from './api-services.js';
import { isObject } from './fhir-tree.js';
import { type HttpReply, type HttpRequest, queryPairs } from './http-exchange.js';
import { FHIR_JSON, requireFormat } from './representation.js';
import { readBody } from './request-body.js';
import { unknownResource } from './resource-reply.js';

type Mode = NonNullable<ValidationRequest['mode']>;
const modes: readonly string[] = ['create', 'update', 'delete', 'profile'];

/** `$validate` (R4, Resource-operation-validate). Nothing is written; whatever is found is answered with 200. */
@Controller('fhir')
export class ValidateController {
  constructor(
    @Inject(API_SERVICES) private readonly services: ApiServices,
    @Inject(RESOURCE_READER) private readonly reader: ResourceReader,
  ) {}

  @Post(':type/$validate')
  async ofType(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const asked = askedOf(request, typeOf(request));
    if (asked.resource === undefined)
      throw new EngineError('rejected', 'RESOURCE_BODY_INVALID', 'there is no resource to validate', {
        cause: { at: 'http.body' },
      });
    this.answer(request, reply, asked, undefined);
    return Promise.resolve();
  }

  @Get(':type/$validate')
  async ofTypeByGet(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.ofType(request, reply);
  }

  /** Of the resource that is sent, or, without one, of the one that is there. */
  @Post(':type/:id/$validate')
  async ofInstance(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const { id = '' } = request.params;
    const asked = askedOf(request, typeOf(request));
    const found = await this.reader.read(typeOf(request), id);
    if (found === undefined || found.deleted) throw unknownResource();
    this.answer(request, reply, { ...asked, resource: asked.resource ?? readJson(found.text) }, id);
  }

  @Get(':type/:id/$validate')
  async ofInstanceByGet(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.ofInstance(request, reply);
  }

  private answer(request: HttpRequest, reply: HttpReply, asked: Asked, id: string | undefined): void {
    requireFormat(request);
    const { resource, mode, profile } = asked;
    const about = { type: typeOf(request), id, profile, ...(mode ? { mode } : {}) };
    const outcome = validate(resource, about, this.services.profiles);
    reply.code(200).header('content-type', FHIR_JSON).send(writeJson(outcome));
  }
}

/** The type of the address. Throws `rejected` RESOURCE_TYPE_UNKNOWN (404). */
function typeOf(request: HttpRequest): string {
  const { type = '' } = request.params;
  if (isResourceType(type)) return type;
  throw new EngineError('rejected', 'RESOURCE_TYPE_UNKNOWN', 'FHIR R4 has no such resource type');
}

interface Asked {
  readonly resource: unknown;
  readonly mode: Mode | undefined;
  readonly profile: readonly string[];
}

/** The resource as the body, with parameters in the address, or all of them in a Parameters resource. */
function askedOf(request: HttpRequest, type: string): Asked {
  const pairs = queryPairs(request.url);
  const named = (name: string) => pairs.flatMap(([one, value]) => (one === name ? [value] : []));
  const hasBody = request.body !== undefined && request.body !== '';
  const body = hasBody ? readBody(request, type) : undefined;
  const parameters = isObject(body) && body['resourceType'] === 'Parameters' ? partsOf(body) : [];
  const given = parameters.find(({ name, resource }) => name === 'resource' && resource !== undefined);
  // Parameters may be what is to be validated: then they carry no resource for that.
  const isWrapped =
    isObject(body) && body['resourceType'] === 'Parameters' && (type !== 'Parameters' || given);
  const texts = (name: string) =>
    (isWrapped ? parameters : []).flatMap((one) => {
      const value = Object.entries(one).find(([key]) =>
        /^value(Uri|Canonical|Url|Code|String)$/.test(key),
      )?.[1];
      return one['name'] === name && typeof value === 'string' ? [value] : [];
    });
  const mode = modeOf([...texts('mode'), ...named('mode')][0]);
  const profile = [...named('profile'), ...texts('profile')];
  if (mode === 'profile' && profile.length === 0)
    throw new EngineError('rejected', 'SEARCH_VALUE_INVALID', "mode 'profile' needs a 'profile'", {
      cause: { at: 'http.profile' },
    });
  return { resource: isWrapped ? given?.['resource'] : body, mode, profile };
}

function partsOf(parameters: FhirObject): FhirObject[] {
  const { parameter } = parameters;
  return Array.isArray(parameter) ? parameter.filter(isObject) : [];
}

function modeOf(value: unknown): Mode | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && modes.includes(value)) return value as Mode;
  throw new EngineError('rejected', 'SEARCH_VALUE_INVALID', `'mode' is one of ${modes.join(', ')}`, {
    cause: { at: 'http.mode' },
  });
}
