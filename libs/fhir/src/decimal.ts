import { EngineError } from '#kernel';

/** A decimal of more digits than this is no measurement; R4 asks for 18 digits of precision at least. */
const digitsMax = 1_000;
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const legacyNumber = /^([+-]?)0*(\d*)(?:\.(\d*))?$/;

/**
 * A number that keeps its digits as written: 1.50 stays 1.50, in JSON too when written by `writeJson` (R4,
 * section 2.24.0.1: the precision of a decimal has meaning). Immutable.
 */
export class Decimal {
  private constructor(
    /** The digits, a JSON number. */
    readonly text: string,
  ) {}

  /** From a JSON number; `rejected` when `text` is none. */
  static of(text: string): Decimal {
    if (text.length <= digitsMax && jsonNumber.test(text)) return new Decimal(text);
    throw new EngineError('rejected', 'FHIR_DECIMAL_MALFORMED', 'a decimal is not written as a number');
  }

  /**
   * From a number as legacy systems write it: `+5`, `.5`, `5.`, `007.10` become 5, 0.5, 5, 7.10; what JSON can
   * carry keeps every digit. undefined when `text` is no number.
   */
  static parse(text: string): Decimal | undefined {
    if (text.length > digitsMax) return undefined;
    if (jsonNumber.test(text)) return new Decimal(text);
    const match = legacyNumber.exec(text);
    if (!match) return undefined;
    const [, sign = '', whole = '', fraction = ''] = match;
    // Some digit must be there, be it a zero that the expression has skipped.
    if (!/\d/.test(text)) return undefined;
    return new Decimal(`${sign === '-' ? '-' : ''}${whole || '0'}${fraction ? `.${fraction}` : ''}`);
  }

  /** The nearest JavaScript number, for comparing; never for writing. */
  toNumber(): number {
    return Number(this.text);
  }

  toString(): string {
    return this.text;
  }

  /** The nearest number, so that JSON.stringify gives valid JSON; only `writeJson` keeps the digits. */
  toJSON(): number {
    return this.toNumber();
  }
}
