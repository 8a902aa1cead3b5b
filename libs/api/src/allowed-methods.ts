import { isResourceType } from '#fhir';
import type { Route } from './interaction.js';

const ORDER = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * The methods that an address takes, as it is routed; none where nothing is at the address, whatever the method. What stands for a type is one of R4,
 * and what begins with `_` or `$` is no id.
 */
export function allowedMethods(url: string, routes: readonly Route[]): string[] {
  const segments = segmentsOf(url);
  const methods = new Set<string>();
  for (const { method, path } of routes) {
    if (!fits(segmentsOf(path), segments)) continue;
    // Subscriptions are filed by routes of their own.
    if (segments[1] === 'Subscription' && method !== 'GET' && path.includes(':type')) continue;
    methods.add(method);
    if (method === 'GET') methods.add('HEAD');
  }
  const [root, type, ...rest] = segments;
  if (root === 'fhir' && type === 'Subscription') {
    // Subscriptions are filed one by one, by their ids, and not patched.
    methods.delete('PATCH');
    if (rest.length === 0) for (const method of ['PUT', 'DELETE']) methods.delete(method);
  }
  return ORDER.filter((method) => methods.has(method));
}

/** True for an address that ends in the name of an interaction or operation, which a pattern may take for an id. */
export function endsInName(url: string): boolean {
  return /^[_$]/.test(segmentsOf(url).at(-1) ?? '');
}

function segmentsOf(url: string): string[] {
  const parts = (url.split('?', 1)[0] ?? '').split('/').filter((part) => part !== '');
  try {
    return parts.map(decodeURIComponent);
  } catch {
    return parts; // then it is no address of ours
  }
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === '*';
  const count = isOpen ? pattern.length - 1 : pattern.length;
  if (isOpen ? segments.length <= count : segments.length !== count) return false;
  return pattern.slice(0, count).every((part, index) => {
    const segment = segments[index] ?? '';
    if (part === ':type') return isResourceType(segment) || (segment === '*' && pattern.includes(':owner'));
    if (part === ':owner') return isResourceType(segment);
    return part.startsWith(':') ? !/^[_$]/.test(segment) : part === segment;
  });
}
