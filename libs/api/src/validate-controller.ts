import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { type FhirObject, isResourceType, writeJson } from '#fhir';
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
    await this.answer(request, reply);
  }

  @Post(':type/:id/$validate')
  async ofInstance(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const { type = '', id = '' } = request.params;
    const found = await this.reader.read(type, id);
    if (found === undefined || found.deleted) throw unknownResource();
    await this.answer(request, reply);
  }

  private answer(request: HttpRequest, reply: HttpReply): Promise<void> {
    requireFormat(request);
    const { type = '' } = request.params;
    if (!isResourceType(type))
      throw new EngineError('rejected', 'RESOURCE_TYPE_UNKNOWN', 'FHIR R4 has no such resource type');
    const { resource, mode, profile } = askedOf(request, type);
    const outcome = validate(resource, { ...(mode ? { mode } : {}), profile }, this.services.profiles);
    reply.code(200).header('content-type', FHIR_JSON).send(writeJson(outcome));
    return Promise.resolve();
  }
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
  const modeText = named('mode')[0];
  const body = request.body === undefined ? undefined : readBody(request, type);
  const parameters =
    isObject(body) && body['resourceType'] === 'Parameters' && type !== 'Parameters' ? partsOf(body) : [];
  const part = (name: string) => parameters.find((one) => one['name'] === name);
  const profiles = parameters
    .filter((one) => one['name'] === 'profile')
    .map((one) => one['valueUri'] ?? one['valueCanonical']);
  const isWrapped = parameters.length > 0;
  return {
    resource: isWrapped ? part('resource')?.['resource'] : body,
    mode: modeOf(part('mode')?.['valueCode'] ?? modeText),
    profile: [...named('profile'), ...profiles.filter((one) => typeof one === 'string')],
  };
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
