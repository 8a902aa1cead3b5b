import type { FhirObject } from '#fhir';
import type { ResourceVersion } from '#store';

/** One interaction that writes (R4 http, sections 3.1.0.4 to 3.1.0.9), alone or as an entry of a transaction. */
export type ResourceWrite = {
  readonly type: string;
  /** `POST`: If-None-Exist; otherwise what stands for the id. The query, without a question mark. */
  readonly criteria?: string | undefined;
  /** The part of the request that asks for it, such as `Bundle.entry[3]`; undefined: all of it. */
  readonly at?: string | undefined;
  /** The version that must be current. */
  readonly ifMatch?: number | undefined;
} & (
  | {
      readonly method: 'POST';
      readonly resource: FhirObject;
      /** What references of the same transaction call it. */
      readonly fullUrl?: string | undefined;
    }
  | {
      readonly method: 'PUT';
      readonly id: string | undefined;
      readonly resource: FhirObject;
      readonly fullUrl?: string | undefined;
      /** `If-None-Match: *`: only where there is none. */
      readonly onlyNew?: boolean;
    }
  | {
      readonly method: 'PATCH';
      readonly id: string | undefined;
      /** A new tree; what is given is not changed. */
      readonly patch: (resource: FhirObject) => FhirObject;
    }
  | { readonly method: 'DELETE'; readonly id: string | undefined }
);

/** What became of one. */
export type WriteAnswer =
  | {
      /** 201 created, 200 updated or there already. */
      readonly status: 200 | 201;
      readonly type: string;
      readonly id: string;
      readonly version: number;
      readonly lastUpdatedMs: number;
      /** The resource as it reads now. */
      readonly text: string;
    }
  | {
      /** Deleted, or nothing to delete: then without a version. */
      readonly status: 204;
      readonly version: number | undefined;
    };

/** One write whose target is known. */
export interface PlannedWrite {
  readonly does: 'put' | 'delete' | 'nothing';
  readonly type: string;
  readonly id: string;
  readonly key: string;
  /** The part of the request that asks for it. */
  readonly at: string;
  readonly resource: FhirObject | undefined;
  /** The version that the plan rests on: what is there already, or what was patched. */
  readonly current: ResourceVersion | undefined;
  readonly ifMatch: number | undefined;
  readonly onlyNew: boolean;
}
