import type { V2Type } from '../dictionary/v2-dictionary.js';
import type { XmlStep } from './xml-path.js';

/**
 * The expression language: small and total. Every expression ends, has no side effect and no loop; values come from
 * the message, the channel's parameters and literals.
 *
 *   value     = piped { '??' piped }                    first that is valued
 *   piped     = operand { '|' function } [ 'as' Type ]
 *   function  = name [ '(' argument { ',' argument } ')' ]
 *   argument  = [ name '=' ] value
 *   operand   = path | 'text' | number | '(' value ')' | name '(' ... ')'
 *   condition = both { 'or' both }    both = not { 'and' not }    not = [ 'not' ] test
 *   test      = '(' condition ')' | value ( '==' | '!=' ) value | value [ 'not' ] 'in' '[' value { ',' value } ']'
 *             | value [ 'not' ] 'valued' | count '(' path ')' ( '==' | '!=' | '>' | '<' ) number
 *   path      = [ name '.' ] SEG [ segments ] [ '-' field [ filter ] [ '.' component [ '.' subcomponent ] ] ]
 *             | TYPE [ '.' component [ '.' subcomponent ] ]        in a map whose source is a data type
 *             | COLUMN                                                in a map of rows
 *             | channel '.' name | name '.' id | name
 *   segments  = '[' field '=' word { ',' word } ']'      those segments whose field is one of the words
 *   filter    = '[' number ']' | '[' component-or-name ( '=' | '!=' ) word ']'
 */
export interface PathExpression {
  readonly kind: 'path';
  readonly offset: number;
  /** Group alias before the segment; undefined for the nearest. */
  readonly scope: string | undefined;
  /** Segment or data type. */
  readonly name: string;
  /** 0: the whole segment, or the whole value of a data type. */
  readonly field: number;
  readonly filter: RepetitionFilter | undefined;
  /** Only of segments of which a field is one of these words. */
  readonly where: SegmentFilter | undefined;
  /** 0: all of it. */
  readonly component: number;
  readonly subcomponent: number;
  /** Of a path through an XML document (`xml-path.ts`); the rest is then without meaning, `name` the path as written. */
  readonly steps?: readonly XmlStep[];
  /** Of a column, which the dictionary does not know. */
  readonly type?: V2Type;
}

export interface SegmentFilter {
  readonly field: number;
  readonly words: readonly string[];
}

export type RepetitionFilter =
  | { readonly kind: 'index'; readonly index: number }
  | {
      readonly kind: 'equals';
      readonly component: string;
      readonly value: string;
      readonly negated: boolean;
    };

export type ValueExpression =
  | PathExpression
  | { readonly kind: 'literal'; readonly offset: number; readonly text: string; readonly numeric: boolean }
  | { readonly kind: 'parameter'; readonly offset: number; readonly name: string }
  | {
      readonly kind: 'name';
      readonly offset: number;
      readonly name: string;
      readonly part: 'reference' | 'id';
    }
  | { readonly kind: 'first'; readonly offset: number; readonly options: readonly ValueExpression[] }
  | {
      readonly kind: 'call';
      readonly offset: number;
      readonly name: string;
      readonly input: ValueExpression | undefined;
      readonly args: readonly Argument[];
    }
  | { readonly kind: 'as'; readonly offset: number; readonly input: ValueExpression; readonly type: string };

export interface Argument {
  readonly name: string | undefined;
  readonly value: ValueExpression;
}

export type Condition =
  | { readonly kind: 'and' | 'or'; readonly offset: number; readonly parts: readonly Condition[] }
  | { readonly kind: 'not'; readonly offset: number; readonly part: Condition }
  | { readonly kind: 'valued'; readonly offset: number; readonly value: ValueExpression }
  | {
      readonly kind: 'equals';
      readonly offset: number;
      readonly left: ValueExpression;
      readonly right: readonly ValueExpression[];
    }
  /** Written by nobody: a rule that can be turned off, for finding out who misses it; `had` is told when it had an effect. */
  | {
      readonly kind: 'switch';
      readonly offset: number;
      readonly isOn: () => boolean;
      readonly had?: () => void;
    }
  | {
      readonly kind: 'count';
      readonly offset: number;
      readonly path: PathExpression;
      readonly operator: '==' | '>' | '<';
      readonly number: number;
    };
