import type { ApiServices } from './api-services.js';
import type { HttpRequest } from './http-exchange.js';

const HOST = /^[A-Za-z0-9.\-_:[\]]{1,255}$/;

/** The address of the FHIR endpoint as the client knows it, without a slash at the end. */
export function fhirAddress(request: HttpRequest, services: ApiServices): string {
  if (services.publicUrl !== undefined) return `${services.publicUrl}/fhir`;
  // What the client wrote comes back in links only; a host that is none is not repeated.
  return HOST.test(request.host) ? `${request.protocol}://${request.host}/fhir` : '/fhir';
}
