import { resourceTypes } from '#fhir';
import type { InteractionCode } from './interaction.js';
import { operations } from './operations.js';
import { websocketAddress } from './subscription-sockets.js';

/** What the statement is made of. */
export interface RoutedCapabilities {
  /** For every resource type. */
  readonly everyType: readonly InteractionCode[];
  /** Beside those, for single types. */
  readonly oneType: Readonly<Record<string, readonly InteractionCode[]>>;
  /** Of the whole server. */
  readonly system: readonly InteractionCode[];
  readonly searchable: (type: string) => readonly { readonly name: string; readonly kind: string }[];
  /** Canonical URLs of subscription topics. */
  readonly topics: readonly string[];
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

/** What `_include` takes for a type. */
function includable(type: string, parameters: ReturnType<RoutedCapabilities['searchable']>): string[] {
  return [
    `${type}:*`,
    ...parameters.filter(({ kind }) => kind === 'reference').map(({ name }) => `${type}:${name}`),
  ];
}

const WEBSOCKET = 'http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket';
const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport';
/** What the Subscriptions R5 Backport 1.1 wants to be told beside the interactions. */
const subscriptionFacts = {
  supportedProfile: [`${BACKPORT}/StructureDefinition/backport-subscription`],
  operation: ['status', 'events', 'get-ws-binding-token'].map((name) => ({
    name,
    definition: `${BACKPORT}/OperationDefinition/backport-subscription-${name}`,
  })),
};

/** Where a search parameter is defined that is not one of R4. */
const definitions: Readonly<Record<string, string>> = {
  'Subscription.topic': `${BACKPORT}/SearchParameter/Subscription-topic`,
};

function topicExtensions(topics: readonly string[]) {
  const url = `${BACKPORT}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical`;
  return topics.length === 0 ? undefined : topics.map((topic) => ({ url, valueCanonical: topic }));
}

/** The JSON of the R4 CapabilityStatement of what is routed, no more and no less. */
export function capabilityStatement(routed: RoutedCapabilities): string {
  const searchType = routed.everyType.includes('search-type');
  return JSON.stringify({
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: new Date(routed.dateMs).toISOString(),
    kind: 'instance',
    instantiates: [`${BACKPORT}/CapabilityStatement/backport-subscription-server-r4`],
    software: { name: 'Suture', version: routed.softwareVersion },
    implementation: { description: 'Suture integration engine', url: routed.address },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'json', 'application/fhir+xml', 'xml'],
    patchFormat: ['application/json-patch+json', 'application/fhir+json'],
    rest: [
      {
        extension: [{ url: WEBSOCKET, valueUri: websocketAddress(routed.address) }],
        mode: 'server',
        security: securityOf(routed.tokenEndpoint),
        resource: resourceTypes.map((type) => ({
          ...(type === 'Subscription' ? { extension: topicExtensions(routed.topics) } : {}),
          type,
          ...(type === 'Subscription' ? subscriptionFacts : {}),
          interaction: [...new Set([...routed.everyType, ...(routed.oneType[type] ?? [])])]
            .filter((code) => code !== 'capabilities')
            .map((code) => ({ code })),
          versioning: 'versioned',
          readHistory: routed.everyType.includes('history-instance'),
          updateCreate: routed.everyType.includes('update'),
          conditionalRead: 'full-support',
          // Subscriptions are filed one by one, by their ids.
          ...(type === 'Subscription' ? {} : conditional),
          operation: [...operations.everyType, ...(operations.oneType[type] ?? [])],
          ...(searchType
            ? {
                searchInclude: includable(type, routed.searchable(type)),
                searchParam: routed.searchable(type).map(({ name, kind }) => ({
                  name,
                  definition: definitions[`${type}.${name}`],
                  type: kind,
                })),
              }
            : {}),
        })),
        interaction: [...routed.system, ...batchOf(routed.system)].map((code) => ({ code })),
        operation: operations.system,
      },
    ],
  });
}
