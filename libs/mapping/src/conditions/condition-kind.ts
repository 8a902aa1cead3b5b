import type { CsvSource } from '#csv';
import { nearestName } from '#kernel';
import { isKnownField, isKnownSegment } from '../dictionary/v2-dictionary.js';
import type { Condition, PathExpression, ValueExpression } from '../language/expression.js';
import { ExpressionMistake } from '../language/expression-mistake.js';
import { wholePath, xmlPath } from '../language/parse-path.js';
import { suggestion } from '../language/problems.js';

/** What the messages of a channel may be. */
export interface ChannelTakes {
  readonly messages: boolean;
  readonly documents: boolean;
  /** The layouts of the rows that it takes. */
  readonly layouts: readonly CsvSource[];
}

type Kind = keyof typeof kinds;

const kinds = {
  messages: { are: 'messages of HL7 v2', example: "MSH-11.1 == 'T'" },
  documents: { are: 'documents', example: "confidentialityCode == 'V'" },
  rows: { are: 'rows', example: "status == 'X'" },
} as const;

/** A condition of whose names is known what they are. */
export interface SettledCondition {
  readonly kind: Kind;
  readonly condition: Condition;
  /** Of rows: those that it reads. */
  readonly columns: ReadonlySet<string>;
}

/**
 * Finds out of what a condition speaks, which is one kind of messages that the channel takes, and checks its paths: that there
 * is such a field, such a column. Throws ExpressionMistake.
 */
export function settlePaths(condition: Condition, takes: ChannelTakes): SettledCondition {
  const settler = new Settler(takes);
  const settled = settler.condition(condition);
  if (settler.kind === undefined)
    throw new ExpressionMistake(0, 'it reads nothing of the message', 'write a path on one side');
  return { kind: settler.kind, condition: settled, columns: settler.columns };
}

class Settler {
  kind: Kind | undefined;
  readonly columns = new Set<string>();

  constructor(readonly takes: ChannelTakes) {}

  condition(condition: Condition): Condition {
    switch (condition.kind) {
      case 'and':
      case 'or':
        return { ...condition, parts: condition.parts.map((part) => this.condition(part)) };
      case 'not':
        return { ...condition, part: this.condition(condition.part) };
      case 'valued':
        return { ...condition, value: this.value(condition.value) };
      case 'equals': {
        const left = this.value(condition.left);
        return { ...condition, left, right: condition.right.map((value) => this.value(value)) };
      }
      case 'count':
        return { ...condition, path: this.path(condition.path) };
      case 'switch':
        return condition;
    }
  }

  private value(value: ValueExpression): ValueExpression {
    if (value.kind === 'literal') return value;
    if (value.kind === 'path') return this.path(value);
    if (value.kind === 'name' && value.part === 'reference') return this.word(value.name, value.offset);
    throw new ExpressionMistake(
      value.offset,
      "only paths and 'text' can be compared here",
      "compare what is there: a path, == or in, and 'text'",
    );
  }

  /** A bare word is a column where the channel takes rows, else a child of `ClinicalDocument`. */
  private word(name: string, offset: number): PathExpression {
    if (this.takes.layouts.length > 0) return this.column(name, offset);
    if (this.takes.documents) return this.element(xmlPath(name, offset));
    throw new ExpressionMistake(
      offset,
      `'${name}' is a name of rows or documents, and ${this.taken()}`,
      `write for instance ${kinds.messages.example}`,
    );
  }

  private path(path: PathExpression): PathExpression {
    const { name, field, offset, steps } = path;
    // A word in count() has been read as a path.
    if (steps) return /^\w+$/.test(name) ? this.word(name, offset) : this.element(path);
    const isWord = field === 0 && path.component === 0 && path.scope === undefined && !path.where;
    const { layouts } = this.takes;
    const isColumn = layouts.some(({ columns }) => columns.some((column) => column.name === name));
    if (isWord && (isColumn || (layouts.length > 0 && !isKnownSegment(name))))
      return this.column(name, offset);
    this.speaksOf('messages', path);
    checkField(path);
    return path;
  }

  private element(path: PathExpression): PathExpression {
    const { name, offset, steps: [first] = [] } = path;
    this.speaksOf('documents', path);
    if (first?.axis !== 'child' || first.name !== 'ClinicalDocument') return path;
    throw new ExpressionMistake(offset, 'paths begin in ClinicalDocument', `write /${name}`);
  }

  private column(name: string, offset: number): PathExpression {
    const { layouts, documents } = this.takes;
    const path = wholePath(undefined, name, offset);
    this.speaksOf('rows', path);
    this.columns.add(name);
    const has = layouts.filter(({ columns }) =>
      [...this.columns].every((one) => columns.some((column) => column.name === one)),
    );
    if (has.length > 0) return path;
    const known = new Set(layouts.flatMap(({ columns }) => columns.map((column) => column.name)));
    if (known.has(name))
      throw new ExpressionMistake(
        offset,
        `no map that the channel takes has all of the columns ${[...this.columns].join(', ')}`,
        'write one filter for each map',
      );
    const otherwise = documents
      ? `text stands in quotes; of documents write ./${name}`
      : 'text stands in quotes';
    throw new ExpressionMistake(
      offset,
      `${layouts.map((layout) => layout.name).join(', ')} has no column '${name}'`,
      suggestion(nearestName(name, [...known]), [], otherwise),
    );
  }

  private speaksOf(kind: Kind, { name, offset, field }: PathExpression): void {
    const shown = field > 0 ? `${name}-${field}` : name;
    const isTaken = kind === 'rows' ? this.takes.layouts.length > 0 : this.takes[kind];
    if (!isTaken)
      throw new ExpressionMistake(
        offset,
        `${shown} is of ${kinds[kind].are}, and ${this.taken()}`,
        `write for instance ${this.example()}, or add what it is of to accept`,
      );
    if (this.kind !== undefined && this.kind !== kind)
      throw new ExpressionMistake(
        offset,
        `${shown} is of ${kinds[kind].are}, what stands before it of ${kinds[this.kind].are}, and nothing is both`,
        'write a filter for each',
      );
    this.kind = kind;
  }

  private taken(): string {
    const taken = this.takenKinds().map((kind) => kinds[kind].are);
    return taken.length === 0 ? 'the channel takes nothing' : `the channel takes ${taken.join(' and ')}`;
  }

  private example(): string {
    return kinds[this.takenKinds()[0] ?? 'messages'].example;
  }

  private takenKinds(): Kind[] {
    const { messages, documents, layouts } = this.takes;
    const each = { messages, documents, rows: layouts.length > 0 };
    return (Object.keys(each) as Kind[]).filter((kind) => each[kind]);
  }
}

function checkField({ name, field, scope, filter, where, offset }: PathExpression): void {
  if (scope !== undefined || where !== undefined || (filter !== undefined && filter.kind !== 'index'))
    throw new ExpressionMistake(
      offset,
      'groups, chosen segments and named repetitions cannot be used here',
      'write a segment and a field, such as PID-3[2].1',
    );
  if (field === 0 ? isKnownSegment(name) || name.startsWith('Z') : isKnownField(`${name}-${field}`)) return;
  const shown = field === 0 ? `segment ${name}` : `field ${name}-${field}`;
  throw new ExpressionMistake(
    offset,
    `no version of HL7 v2 has a ${shown}`,
    'correct it; segments of your own begin with Z',
  );
}
