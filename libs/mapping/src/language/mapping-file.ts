import type { CsvSource } from '#csv';
import type { Condition, PathExpression, ValueExpression } from './expression.js';
import type { Place } from './place.js';

export type SourceFormat = 'hl7v2' | 'cda';

/** Type of the bundle that the offline conversion makes of one message. */
export type BundleKind = 'message' | 'collection' | 'document';

/** What an element gets. */
export type RuleBody =
  | { readonly kind: 'value'; readonly expression: ValueExpression; readonly place: Place }
  | { readonly kind: 'constant'; readonly value: unknown; readonly place: Place }
  | {
      readonly kind: 'list';
      readonly items: readonly RuleBody[];
      /** The names that rules of the list were given, beside `items`: a layer may patch those alone. */
      readonly names: readonly (string | undefined)[];
      readonly place: Place;
    }
  | { readonly kind: 'object'; readonly set: readonly ElementRule[]; readonly place: Place }
  | { readonly kind: 'when'; readonly condition: Condition; readonly body: RuleBody; readonly place: Place }
  | { readonly kind: 'each'; readonly path: PathExpression; readonly body: RuleBody; readonly place: Place }
  | { readonly kind: 'choose'; readonly options: readonly RuleBody[]; readonly place: Place }
  | {
      readonly kind: 'by';
      readonly path: PathExpression;
      readonly cases: readonly RuleCase[];
      readonly otherwise: RuleBody | undefined;
      readonly place: Place;
    };

export interface RuleCase {
  readonly names: readonly string[];
  readonly body: RuleBody;
  readonly place: Place;
}

/** One step of a target path: `telecom`, `extension(patient-religion)`. */
export interface ElementStep {
  readonly name: string;
  /** Of an extension. */
  readonly url: string | undefined;
}

export interface ElementRule {
  /** As written. */
  readonly path: string;
  readonly steps: readonly ElementStep[];
  readonly body: RuleBody;
  readonly place: Place;
}

/** Says on purpose that a value is not mapped. */
export interface DropRule {
  /** `PID-1`, `PV1-3.5`, `NTE`; `statusCode/@code`, with all that is in it. */
  readonly path: PathExpression;
  readonly text: string;
  readonly reason: string;
  readonly place: Place;
}

/** A part of a key or a label. */
export interface TextPart {
  readonly expression: ValueExpression;
  readonly place: Place;
}

/** The element in which another resource of the message lists this one: that which has one of the labels. */
export interface ParentRule {
  readonly element: string;
  readonly labels: readonly (readonly TextPart[])[];
  /** Written by nobody: a switch for finding out who misses the rule. */
  readonly isOn: (() => boolean) | undefined;
  readonly place: Place;
}

/** A map from one segment, one value of a data type, or one element of a document, to one resource. */
export interface ResourceMapSource {
  readonly kind: 'resource';
  readonly name: string;
  readonly file: string;
  readonly place: Place;
  /** Stands for the map of that name in a lower layer. */
  readonly replaces: boolean;
  readonly source: {
    readonly kind: 'segment' | 'value' | 'element';
    readonly name: string;
    readonly place: Place;
  };
  readonly create: { readonly type: string; readonly place: Place };
  readonly merge: 'update' | 'snapshot' | 'gather' | 'refer';
  /** Without it the map makes nothing. */
  readonly when: { readonly condition: Condition; readonly place: Place } | undefined;
  /** Names of the message map that this map may refer to; each may be missing there. */
  readonly uses: readonly { readonly text: string; readonly place: Place }[];
  readonly key: readonly TextPart[];
  /** What other resources of the message may call it by. */
  readonly labels: readonly (readonly TextPart[])[];
  readonly parents: readonly ParentRule[];
  readonly set: readonly ElementRule[];
  readonly drop: readonly DropRule[];
}

export type MapStep =
  | {
      readonly kind: 'create';
      readonly map: string;
      readonly place: Place;
      /** `OBX`, `SPECIMEN.OBX`; undefined: the segment the map reads. */
      readonly from: string | undefined;
      readonly as: string | undefined;
      readonly when: Condition | undefined;
      readonly whenPlace: Place;
    }
  | {
      readonly kind: 'each';
      /** Of a document: a path. */
      readonly group: string;
      readonly place: Place;
      readonly as: string | undefined;
      readonly steps: readonly MapStep[];
    }
  /** Elements of a document, each to the message map that is for it. */
  | {
      readonly kind: 'maps';
      readonly path: string;
      readonly place: Place;
      /** Those maps, as steps in such an element: known when all files and layers are put together. */
      readonly parts: readonly StepPart[];
    };

/** A message map for a part of documents, in a step that leads to such parts. */
export interface StepPart {
  readonly map: MessageMapSource;
  readonly each: Extract<MapStep, { kind: 'each' }>;
}

/** The steps that stand in a step. */
export function innerSteps(step: MapStep): readonly Extract<MapStep, { kind: 'each' }>[] {
  switch (step.kind) {
    case 'create':
      return [];
    case 'each':
      return [step];
    case 'maps':
      return step.parts.map(({ each }) => each);
  }
}

/** A map from a message, a document or a part of documents to its resources. */
export interface MessageMapSource {
  readonly kind: 'message';
  readonly name: string;
  readonly file: string;
  readonly place: Place;
  /** Stands for the map of that name in a lower layer. */
  readonly replaces: boolean;
  readonly format: SourceFormat;
  /** `ORU^R01`, or `ADT_A01` for a structure; `cda/ClinicalDocument`, `cda/act[template=...]`. */
  readonly for: readonly { readonly text: string; readonly place: Place }[];
  /** A name of the dictionary, or a grammar; empty for documents. */
  readonly structure: { readonly text: string; readonly place: Place };
  /** The layout of files of rows that it is for; then it is for no HL7 message. */
  readonly rows: CsvSource | undefined;
  readonly bundle: BundleKind;
  readonly steps: readonly MapStep[];
  readonly drop: readonly DropRule[];
}

export type MapSource = ResourceMapSource | MessageMapSource;

/** A rule that a patch sets: of an element, or the one of that name in the list of an element. */
export interface RulePatch {
  readonly rule: ElementRule;
  readonly item: string | undefined;
}

/** What a layer changes in a map of a lower layer. */
export interface PatchSource {
  readonly kind: 'patch';
  /** Of the map. */
  readonly name: string;
  readonly file: string;
  readonly place: Place;
  readonly set: readonly RulePatch[];
  /** Names of rules. */
  readonly remove: readonly { readonly text: string; readonly place: Place }[];
  readonly drop: readonly DropRule[];
  /** Resource maps: stands for the condition, the key; added to the names. */
  readonly when: ResourceMapSource['when'];
  readonly key: ResourceMapSource['key'];
  readonly uses: ResourceMapSource['uses'];
  /** Message maps: done after those of the map. */
  readonly steps: readonly MapStep[];
}
