import { resourceTypes } from '#fhir';
import type { InteractionCode } from './interaction.js';

/** What the statement is made of. */
export interface RoutedCapabilities {
  /** For every resource type. */
  readonly everyType: readonly InteractionCode[];
  /** Beside those, for single types. */
  readonly oneType: Readonly<Record<string, readonly InteractionCode[]>>;
  /** Of the whole server. */
  readonly system: readonly InteractionCode[];
  readonly searchable: (type: string) => readonly { readonly name: string; readonly kind: string }[];
  readonly address: string;
  readonly tokenEndpoint: string;
  readonly softwareVersion: string;
  readonly dateMs: number;
}

const SECURITY =
  'A bearer token: of a registered client (SMART Backend Services, system scopes), or of the operator. This statement, the SMART configuration and the OpenAPI document need none.';

/** The service and its addresses, as SMART App Launch puts them into the statement. */
function securityOf(tokenEndpoint: string): object {
  const system = 'http://terminology.hl7.org/CodeSystem/restful-security-service';
  return {
    extension: [
      {
        url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
        extension: [{ url: 'token', valueUri: tokenEndpoint }],
      },
    ],
    cors: true,
    service: [{ coding: [{ system, code: 'SMART-on-FHIR' }] }],
    description: SECURITY,
  };
}

const conditional = {
  conditionalCreate: true,
  conditionalUpdate: true,
  conditionalDelete: 'single',
} as const;

/** What takes a transaction takes a batch. */
function batchOf(system: readonly InteractionCode[]): string[] {
  return system.includes('transaction') ? ['batch'] : [];
}

/** The JSON of the R4 CapabilityStatement of what is routed, no more and no less. */
export function capabilityStatement(routed: RoutedCapabilities): string {
  const searchType = routed.everyType.includes('search-type');
  return JSON.stringify({
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: new Date(routed.dateMs).toISOString(),
    kind: 'instance',
    software: { name: 'Suture', version: routed.softwareVersion },
    implementation: { description: 'Suture integration engine', url: routed.address },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'json', 'application/fhir+xml', 'xml'],
    patchFormat: ['application/json-patch+json'],
    rest: [
      {
        mode: 'server',
        security: securityOf(routed.tokenEndpoint),
        resource: resourceTypes.map((type) => ({
          type,
          interaction: [...new Set([...routed.everyType, ...(routed.oneType[type] ?? [])])]
            .filter((code) => code !== 'capabilities')
            .map((code) => ({ code })),
          versioning: 'versioned',
          readHistory: routed.everyType.includes('history-instance'),
          updateCreate: routed.everyType.includes('update'),
          conditionalRead: 'full-support',
          // Subscriptions are filed one by one, by their ids.
          ...(type === 'Subscription' ? {} : conditional),
          ...(searchType
            ? { searchParam: routed.searchable(type).map(({ name, kind }) => ({ name, type: kind })) }
            : {}),
        })),
        interaction: [...routed.system, ...batchOf(routed.system)].map((code) => ({ code })),
      },
    ],
  });
}
