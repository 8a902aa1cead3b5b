import type { ApiServices } from './api-services.js';
import type { HttpRequest } from './http-exchange.js';

const HOST = /^[A-Za-z0-9.\-_:[\]]{1,255}$/;

/** The address of the FHIR endpoint as the client knows it, without a slash at the end. */
export function fhirAddress(request: HttpRequest, services: ApiServices): string {
  if (services.publicUrl !== undefined) return `${services.publicUrl}/fhir`;
  // What the client wrote comes back in links only; a host that is none is not repeated.
  return HOST.test(request.host) ? `${request.protocol}://${request.host}/fhir` : '/fhir';
}

/**
 * The addresses that the token endpoint has for this client, the one to show first. Without a public address only what the connection itself
 * says counts: an assertion made for another server must not become good by naming that one as the host.
 */
export function tokenEndpoints(request: HttpRequest, { publicUrl }: ApiServices): readonly string[] {
  if (publicUrl !== undefined) return [`${publicUrl}/auth/token`];
  const { localAddress = '', localPort = 0 } = request.socket;
  const address = localAddress.replace(/^::ffff:/, '');
  const host = address.includes(':') ? `[${address}]` : address;
  const hosts = [host, ...(/^(127\.|::1$)/.test(address) ? ['localhost', '127.0.0.1'] : [])].map(
    (name) => `${name}:${localPort}`,
  );
  // The name that the client used comes first.
  hosts.sort((one, other) => Number(other === request.host) - Number(one === request.host));
  return [...new Set(hosts)].map((name) => `http://${name}/auth/token`);
}
