import { quoteUrn } from './convert.js';

/** Prefix of names that only their sender knows; valid URIs that pretend nothing (RFC 6963: example and local use). */
const localPrefix = 'urn:x-local:';
const namesMax = 10_000;

/** The URIs of code systems and identifier systems, by the names senders use. */
export class SystemNames {
  readonly #uris: ReadonlyMap<string, string>;
  readonly #made = new Map<string, string>();

  /** `rows`: name (any case) to URI, from mappings/tables/code-systems.csv. */
  constructor(rows: ReadonlyMap<string, string>) {
    this.#uris = new Map([...rows].map(([name, uri]) => [name.toUpperCase(), uri]));
  }

  /** The URI of `name` (`LN`, `HL70078`, an OID); a local URN where nobody knows the name. */
  uri(name: string): string {
    let uri = this.#made.get(name);
    if (uri === undefined) {
      uri = this.#find(name);
      if (this.#made.size >= namesMax) this.#made.clear();
      // Not the slice itself: it would keep the whole message it was cut from.
      this.#made.set(Buffer.from(name).toString(), uri);
    }
    return uri;
  }

  known(name: string): string | undefined {
    return this.#uris.get(name.toUpperCase());
  }

  #find(name: string): string {
    const known = this.known(name);
    if (known !== undefined) return known;
    const table = /^HL7[ _-]?(?:TABLE )?(\d{4})$/i.exec(name);
    if (table) return tableSystem(Number(table[1]));
    return uriOf(name) ?? localPrefix + quoteUrn(name);
  }
}

/** `name` as a URI when it is one or is an OID or UUID; else undefined. */
export function uriOf(name: string): string | undefined {
  if (/^[0-2](?:\.(?:0|[1-9]\d*)){2,}$/.test(name)) return oidSystem(name);
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name)) return `urn:uuid:${name.toLowerCase()}`;
  return /^(?:https?:\/\/|urn:[a-z0-9][a-z0-9-]+:)\S+$/i.test(name) ? name : undefined;
}

const oids = new Map([
  ['2.16.840.1.113883.6.1', 'http://loinc.org'],
  ['2.16.840.1.113883.6.96', 'http://snomed.info/sct'],
  ['2.16.840.1.113883.6.88', 'http://www.nlm.nih.gov/research/umls/rxnorm'],
  ['2.16.840.1.113883.6.90', 'http://hl7.org/fhir/sid/icd-10-cm'],
  ['2.16.840.1.113883.6.3', 'http://hl7.org/fhir/sid/icd-10'],
  ['2.16.840.1.113883.6.103', 'http://hl7.org/fhir/sid/icd-9-cm'],
  ['2.16.840.1.113883.6.104', 'http://hl7.org/fhir/sid/icd-9-cm'],
  ['2.16.840.1.113883.12.292', 'http://hl7.org/fhir/sid/cvx'],
  ['2.16.840.1.113883.12.227', 'http://hl7.org/fhir/sid/mvx'],
  ['2.16.840.1.113883.6.12', 'http://www.ama-assn.org/go/cpt'],
  ['2.16.840.1.113883.6.69', 'http://hl7.org/fhir/sid/ndc'],
  ['2.16.840.1.113883.6.8', 'http://unitsofmeasure.org'],
  ['2.16.840.1.113883.4.6', 'http://hl7.org/fhir/sid/us-npi'],
  ['2.16.840.1.113883.4.1', 'http://hl7.org/fhir/sid/us-ssn'],
  ['2.16.840.1.113883.5.1', 'http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender'],
  ['2.16.840.1.113883.5.4', 'http://terminology.hl7.org/CodeSystem/v3-ActCode'],
  ['2.16.840.1.113883.5.83', 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation'],
  ['2.16.840.1.113883.5.111', 'http://terminology.hl7.org/CodeSystem/v3-RoleCode'],
  ['2.16.840.1.113883.5.1008', 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor'],
]);
/** Arc of the HL7 v2 tables: 2.16.840.1.113883.12.78 is table 0078. */
const tableArc = '2.16.840.1.113883.12.';

/** The URI R4 prescribes for an OID, else the OID as URN. */
function oidSystem(oid: string): string {
  const known = oids.get(oid);
  if (known !== undefined) return known;
  const table = oid.startsWith(tableArc) ? oid.slice(tableArc.length) : '';
  return /^\d{1,4}$/.test(table) ? tableSystem(Number(table)) : `urn:oid:${oid}`;
}

const tables = new Map<number, string>();

/** The code system of an HL7 v2 table. */
export function tableSystem(table: number): string {
  let system = tables.get(table);
  if (system === undefined) {
    system = `http://terminology.hl7.org/CodeSystem/v2-${String(table).padStart(4, '0')}`;
    tables.set(table, system);
  }
  return system;
}

/** The system of what an authority without a URI assigned. */
export function localAuthority(name: string): string {
  return localPrefix + quoteUrn(name);
}
