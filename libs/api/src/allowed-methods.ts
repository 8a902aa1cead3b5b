import { isResourceType } from '#fhir';

/**
 * What an address of FHIR takes, where it is one: for a request whose method has no route, or is not for that type. undefined: nothing is at the
 * address, whatever the method.
 */
export function allowedMethods(url: string): string | undefined {
  const path = url.split('?', 1)[0] ?? '';
  const [, fhir, type, id, history, version, ...rest] = path.split('/');
  if (fhir !== 'fhir' || rest.length > 0) return undefined;
  if (type === undefined || type === '') return 'POST';
  if (type === 'metadata') return id === undefined ? 'GET, HEAD' : undefined;
  if (path === '/fhir/openapi.json' || path === '/fhir/.well-known/smart-configuration') return 'GET, HEAD';
  if (!isResourceType(type)) return undefined;
  // Subscriptions are filed one by one, by their ids, and not patched.
  const isFiled = type === 'Subscription';
  if (id === undefined) return isFiled ? 'GET, HEAD, POST' : 'GET, HEAD, POST, PUT, PATCH, DELETE';
  if (id === '_search') return 'POST';
  if (history === undefined) return isFiled ? 'GET, HEAD, PUT, DELETE' : 'GET, HEAD, PUT, PATCH, DELETE';
  return history === '_history' && version !== '' ? 'GET, HEAD' : undefined;
}
