import { EngineError } from '#kernel';

/** Most alternatives (`a,b,c`) of one parameter: bounds what one request may cost. */
const MAX_ALTERNATIVES = 500;

/** Cuts at commas that are not escaped (R4 search, section 3.1.1.3.1). Throws `rejected` SEARCH_VALUE_INVALID for none and for too many. */
export function alternatives(name: string, text: string): string[] {
  const values = cutAt(text, ',').filter((value) => value !== '');
  if (values.length > 0 && values.length <= MAX_ALTERNATIVES) return values;
  throw invalidValue(name, `needs from 1 to ${MAX_ALTERNATIVES} values`);
}

/** Cuts at every `sign` that no backslash stands before; the parts keep their backslashes. */
export function cutAt(text: string, sign: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === sign) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** Takes away the backslash before `$`, `,`, `|` and `\` (R4 search, section 3.1.1.3.1). */
export function unescapeValue(text: string): string {
  return text.includes('\\') ? text.replace(/\\([$,|\\])/g, '$1') : text;
}

/** The error for a value that a parameter cannot have; FHIR names a query parameter `http.name`. */
export function invalidValue(name: string, problem: string): EngineError {
  const shown = name.slice(0, 64);
  return new EngineError('rejected', 'SEARCH_VALUE_INVALID', `the search parameter '${shown}' ${problem}`, {
    cause: { at: `http.${shown}` },
  });
}
