import { checkResource, type FhirObject } from '#fhir';
import { isObject, resourceItem } from './fhirpath/item.js';
import { r4RuleOf } from './invariants.js';
import { checkProfile, type ProfileIssue, scopeOf } from './profiles/check-profile.js';
import type { Profiles } from './profiles/load-profiles.js';
import { textsAt } from './profiles/tree.js';

/** What `$validate` is asked (R4, Resource-operation-validate). */
export interface ValidationRequest {
  /** What is to be done with the resource; `delete` asks nothing of its content. */
  readonly mode?: 'create' | 'update' | 'delete' | 'profile';
  /** Canonicals, besides those that the resource claims in meta.profile. */
  readonly profile?: readonly string[];
  /** The type that it is asked of; undefined: any. */
  readonly type?: string | undefined;
  /** Of the resource that it is asked of, where there is one. */
  readonly id?: string | undefined;
}

/** Codes of R4's issue-type value set for what `checkResource` finds. */
const codes = {
  type: 'structure',
  unknown: 'structure',
  required: 'required',
  cardinality: 'structure',
  choice: 'structure',
  format: 'value',
  code: 'code-invalid',
  target: 'value',
  empty: 'structure',
  rule: 'invariant',
} as const;

interface OutcomeIssue {
  readonly severity: 'error' | 'warning' | 'information';
  readonly code: string;
  readonly message: string;
  readonly path: string;
}

/** All that R4 itself finds wrong with a resource, with all its invariants: errors, each with its place as FHIRPath. Never throws on content. */
export function r4Issues(resource: unknown): OutcomeIssue[] {
  return checkResource(resource, r4RuleOf).map(({ path, kind, message }) => ({
    severity: 'error',
    code: codes[kind],
    message,
    path,
  }));
}

/**
 * Validates a resource by R4 and, when it is right by that, by the profiles that it claims or that are asked for. Answers an
 * OperationOutcome whose issues name their place as FHIRPath; with nothing to say, one of severity information. A profile that is
 * asked for and not loaded is an error, one that is only claimed a warning. Never throws on content.
 */
export function validate(resource: unknown, request: ValidationRequest, profiles: Profiles): FhirObject {
  if (request.mode === 'delete') return outcome([]);
  const issues = r4Issues(resource);
  if (!isObject(resource as FhirObject)) return outcome(issues);
  const tree = resource as FhirObject;
  issues.push(...requestIssues(tree, request));
  // Profiles rest on the structure: of a resource that is wrong by R4 they would say the same again.
  if (issues.length === 0) issues.push(...profileIssues(tree, request.profile ?? [], profiles));
  return outcome(issues);
}

/** What a create or an update of the resource would be refused for, whatever its content. */
function requestIssues(resource: FhirObject, { mode, type, id }: ValidationRequest): OutcomeIssue[] {
  const own = resourceItem(resource).type;
  const error = (code: string, message: string, path: string) =>
    ({ severity: 'error', code, message, path }) as const;
  if (type !== undefined && own !== type) return [error('structure', `a ${type} is expected here`, own)];
  if (mode !== 'update') return [];
  if (resource['id'] === undefined)
    return [error('required', 'an update needs the id of the resource', `${own}.id`)];
  if (id === undefined || resource['id'] === id) return [];
  return [error('value', 'an update has the id of the address', `${own}.id`)];
}

function profileIssues(resource: FhirObject, asked: readonly string[], profiles: Profiles): OutcomeIssue[] {
  const meta = resource['meta'];
  const claimed = isObject(meta) ? textsAt(meta, 'profile') : [];
  const urls = new Set([...asked, ...claimed]);
  const { type } = resourceItem(resource);
  const found: OutcomeIssue[] = [];
  for (const url of urls) {
    if (profiles.get(url)) found.push(...ofProfile(resource, url, profiles));
    else if (!isCore(url, type))
      found.push({
        severity: asked.includes(url) ? 'error' : 'warning',
        code: 'not-found',
        message: asked.includes(url)
          ? 'the profile that is asked for is not loaded here'
          : 'a profile that the resource claims is not loaded here, so it was not checked',
        path: asked.includes(url) ? type : `${type}.meta.profile`,
      });
  }
  return found;
}

function isCore(url: string, type: string): boolean {
  return url.split('|', 1)[0] === `http://hl7.org/fhir/StructureDefinition/${type}`;
}

function ofProfile(resource: FhirObject, url: string, profiles: Profiles): readonly ProfileIssue[] {
  return checkProfile(resourceItem(resource), url, profiles, scopeOf(resource));
}

function outcome(issues: readonly OutcomeIssue[]): FhirObject {
  const nothing: OutcomeIssue = {
    severity: 'information',
    code: 'informational',
    message: 'the resource is valid',
    path: '',
  };
  const told = issues.some(({ severity }) => severity !== 'information') ? issues : [...issues, nothing];
  return {
    resourceType: 'OperationOutcome',
    issue: told.map(({ severity, code, message, path }) => ({
      severity,
      code,
      diagnostics: message,
      ...(path === '' ? {} : { expression: [path] }),
    })),
  };
}
