/**
 * | kind        | meaning                                                        |
 * |-------------|----------------------------------------------------------------|
 * | type        | the JSON type is another, or the resource type is none of R4   |
 * | unknown     | R4 has no such element here                                    |
 * | required    | an element that must be there is missing                       |
 * | cardinality | more values than allowed, an array where none belongs          |
 * | choice      | two types of one choice                                        |
 * | format      | a primitive value is malformed or out of range                 |
 * | code        | a code outside a required binding                              |
 * | target      | a reference that is malformed or to a type not allowed here    |
 * | empty       | an object, array or string without content                     |
 * | rule        | an invariant of R4 is broken; its key stands in the message    |
 */
export type IssueKind =
  | 'type'
  | 'unknown'
  | 'required'
  | 'cardinality'
  | 'choice'
  | 'format'
  | 'code'
  | 'target'
  | 'empty'
  | 'rule';

/** One thing wrong with a resource. */
export interface Issue {
  /** FHIRPath of the place: `Observation.referenceRange[0].low`. */
  readonly path: string;
  readonly kind: IssueKind;
  /** For people; never holds a value of the resource. */
  readonly message: string;
}

/** A resource with more issues than this is hopeless; the rest is not listed. */
const issuesMax = 100;

/** Where the check stands, and what it has found. Paths cost nothing until an issue needs one. */
export class Findings {
  readonly issues: Issue[] = [];
  readonly #path: (string | number)[] = [];

  enter(step: string | number): void {
    this.#path.push(step);
  }

  leave(): void {
    this.#path.pop();
  }

  get depth(): number {
    return this.#path.length;
  }

  add(kind: IssueKind, message: string, below = ''): void {
    if (this.issues.length >= issuesMax) return;
    let path = '';
    for (const step of this.#path) {
      if (typeof step === 'number') path += `[${step}]`;
      else path += path === '' ? step : `.${step}`;
    }
    this.issues.push({ path: below === '' ? path : `${path}.${below}`, kind, message });
  }
}
