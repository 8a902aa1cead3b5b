/** A value that many resources hold, with its JSON: it is written once. Whoever holds it must never change it. */
export class WrittenValue {
  readonly #json: string;

  constructor(value: object, json: string) {
    Object.assign(this, value);
    // Of one piece: a text put together of many would keep them all.
    this.#json = Buffer.from(json).toString();
  }

  static json(value: WrittenValue): string {
    return value.#json;
  }
}
