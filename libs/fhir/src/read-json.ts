import { EngineError } from '#kernel';
import { Decimal } from './decimal.js';
import type { FhirObject, FhirValue } from './write-json.js';

/** Deeper nesting than this is an attack on the stack, not a resource. */
const depthMax = 64;
const numberAt = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const plainString = /"[^"\\\u0000-\u001f]*"/y;
const anyString = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

/**
 * Reads JSON as FHIR needs it. Numbers with a fraction or an exponent, and those a JavaScript number cannot hold,
 * become Decimal; other numbers stay numbers. `rejected` for what is no JSON, for a member that stands twice in an
 * object, for `__proto__`, and beyond 64 levels; the error names the offset, never the content.
 */
export function readJson(text: string): FhirValue {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  #at = 0;
  constructor(readonly text: string) {}

  value(depth: number): FhirValue {
    this.#space();
    switch (this.text.charCodeAt(this.#at)) {
      case 0x22:
        return this.#string();
      case 0x7b:
        return this.#object(depth + 1);
      case 0x5b:
        return this.#array(depth + 1);
      case 0x74:
        return this.#word('true', true);
      case 0x66:
        return this.#word('false', false);
      case 0x6e:
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  end(): void {
    this.#space();
    if (this.#at < this.text.length) this.#refuse('something follows the end');
  }

  #object(depth: number): FhirObject {
    if (depth > depthMax) this.#refuse('nested too deeply', 'FHIR_JSON_TOO_DEEP');
    const out: FhirObject = {};
    this.#at++;
    if (this.#take(0x7d)) return out;
    do {
      this.#space();
      if (this.text.charCodeAt(this.#at) !== 0x22) this.#refuse('a member name is missing');
      const name = this.#string();
      if (name === '__proto__') this.#refuse('a forbidden member name', 'FHIR_JSON_FORBIDDEN_MEMBER');
      if (Object.hasOwn(out, name)) this.#refuse('a member stands twice', 'FHIR_JSON_DUPLICATE_MEMBER');
      if (!this.#take(0x3a)) this.#refuse('a colon is missing');
      out[name] = this.value(depth);
    } while (this.#take(0x2c));
    if (!this.#take(0x7d)) this.#refuse('an object does not end');
    return out;
  }

  #array(depth: number): FhirValue[] {
    if (depth > depthMax) this.#refuse('nested too deeply', 'FHIR_JSON_TOO_DEEP');
    const out: FhirValue[] = [];
    this.#at++;
    if (this.#take(0x5d)) return out;
    do out.push(this.value(depth));
    while (this.#take(0x2c));
    if (!this.#take(0x5d)) this.#refuse('an array does not end');
    return out;
  }

  #string(): string {
    plainString.lastIndex = this.#at;
    if (plainString.test(this.text)) {
      const from = this.#at + 1;
      this.#at = plainString.lastIndex;
      return this.text.slice(from, this.#at - 1);
    }
    anyString.lastIndex = this.#at;
    if (!anyString.test(this.text)) this.#refuse('a string is malformed');
    const from = this.#at;
    this.#at = anyString.lastIndex;
    return JSON.parse(this.text.slice(from, this.#at)) as string;
  }

  #number(): number | Decimal {
    numberAt.lastIndex = this.#at;
    const match = numberAt.exec(this.text);
    if (!match) this.#refuse('a value is malformed');
    this.#at = numberAt.lastIndex;
    const [text, fraction, exponent] = match;
    if (fraction === undefined && exponent === undefined && text !== '-0') {
      const value = Number(text);
      if (Number.isSafeInteger(value)) return value;
    }
    return Decimal.of(text);
  }

  #word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.#at)) this.#refuse('a value is malformed');
    this.#at += word.length;
    return value;
  }

  /** Skips white space and the character `code`; false, and nothing but white space skipped, when another stands there. */
  #take(code: number): boolean {
    this.#space();
    if (this.text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #refuse(what: string, code = 'FHIR_JSON_MALFORMED'): never {
    throw new EngineError('rejected', code, `reading JSON at offset ${this.#at}: ${what}`);
  }
}
