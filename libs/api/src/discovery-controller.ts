import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { API_SERVICES, type ApiServices } from './api-services.js';
import { CAPABILITIES, type Capabilities } from './capabilities.js';
import type { HttpReply, HttpRequest } from './http-exchange.js';
import { fhirAddress, tokenEndpoints } from './request-address.js';
import { smartConfiguration } from './smart-configuration.js';

/** What OpenAPI documents are called (draft-ietf-httpapi-rest-api-mediatypes has no number yet; this one is in use). */
const OPENAPI_JSON = 'application/vnd.oai.openapi+json; version=3.0';

/** Documents about the server, open to everybody: they hold no data. */
@Controller()
export class DiscoveryController {
  constructor(
    @Inject(API_SERVICES) private readonly services: ApiServices,
    @Inject(CAPABILITIES) private readonly capabilities: Capabilities,
  ) {}

  /** Below the address of FHIR (SMART App Launch 2.2, conformance), and at the root, where OAuth looks (RFC 8414, section 3). */
  @Get(['.well-known/smart-configuration', 'fhir/.well-known/smart-configuration'])
  smart(@Req() request: HttpRequest, @Res() reply: HttpReply): void {
    const [endpoint = ''] = tokenEndpoints(request, this.services);
    reply.header('content-type', 'application/json; charset=utf-8').send(smartConfiguration(endpoint));
  }

  @Get('fhir/openapi.json')
  openApi(@Req() request: HttpRequest, @Res() reply: HttpReply): void {
    const [endpoint = ''] = tokenEndpoints(request, this.services);
    const address = fhirAddress(request, this.services);
    reply.header('content-type', OPENAPI_JSON).send(this.capabilities.openApi(address, endpoint));
  }
}
