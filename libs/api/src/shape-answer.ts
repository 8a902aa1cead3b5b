import { type FhirObject, readJson, writeJson } from '#fhir';
import { toXml } from '#fhirxml';
import { isEngineError } from '#kernel';
import { subsetOf } from '#search';
import type { HttpReply, HttpRequest } from './http-exchange.js';
import { operationOutcome } from './operation-outcome.js';
import { FHIR_JSON, FHIR_XML, generalPairs, wantedFormat } from './representation.js';

const INDENT = '  ';

/** Throws `rejected` SEARCH_VALUE_INVALID (400) where `_summary` or `_elements` ask for what there is not. */
export function requireShape(request: HttpRequest): void {
  subsetOf(generalPairs(request));
}

/**
 * Gives an answer the shape that the client asked for: XML, `_pretty`, `_summary`, `_elements`. Everything under /fhir is written as compact
 * JSON text and comes by here last; what asks for no other shape goes out as it is, and is never parsed.
 */
export function shapeAnswer(request: HttpRequest, reply: HttpReply, payload: unknown): unknown {
  if (typeof payload !== 'string' || payload === '' || reply.getHeader('content-type') !== FHIR_JSON)
    return payload;
  const pairs = generalPairs(request);
  const isXml = wantedFormat(request) === 'xml';
  if (pairs.length === 0 && !isXml) return payload;
  const subset = subsetOf(pairs);
  const isPretty = pairs.some(([name, value]) => name === '_pretty' && value === 'true');
  if (!subset && !isXml && !isPretty) return payload;
  const whole = readJson(payload) as FhirObject; // an answer of ours is an object
  const resource = subset ? subset(whole) : whole;
  if (isXml) return xmlOf(resource, reply);
  const text = writeJson(resource);
  return isPretty ? indented(text) : text;
}

/** What XML cannot hold (a control character, a narrative that is no XHTML) is told, in JSON. */
function xmlOf(resource: FhirObject, reply: HttpReply): string {
  try {
    const xml = toXml(resource);
    reply.header('content-type', FHIR_XML);
    return xml;
  } catch (error) {
    if (!isEngineError(error)) throw error;
    const { code, message } = error;
    reply.code(406);
    return operationOutcome([
      { severity: 'error', issue: 'not-supported', code, message, at: 'http._format' },
    ]);
  }
}

/** JSON with a line for each member and item; every value stays as it is written. */
function indented(json: string): string {
  let out = '';
  let depth = 0;
  for (let i = 0; i < json.length; i++) {
    const sign = json.charAt(i);
    switch (sign) {
      case '"': {
        const end = endOfString(json, i);
        out += json.slice(i, end + 1);
        i = end;
        break;
      }
      case '{':
      case '[':
        out += `${sign}\n${INDENT.repeat(++depth)}`;
        break;
      case '}':
      case ']':
        out += `\n${INDENT.repeat(--depth)}${sign}`;
        break;
      case ',':
        out += `,\n${INDENT.repeat(depth)}`;
        break;
      case ':':
        out += ': ';
        break;
      default:
        out += sign;
    }
  }
  return out;
}

/** Index of the quote that ends the string which starts at `from`. */
function endOfString(json: string, from: number): number {
  let i = from + 1;
  while (json.charAt(i) !== '"') i += json.charAt(i) === '\\' ? 2 : 1;
  return i;
}
