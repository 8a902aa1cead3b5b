/** An operation as the CapabilityStatement names it. */
export interface DeclaredOperation {
  readonly name: string;
  /** The canonical address of its OperationDefinition. */
  readonly definition: string;
}

const fhir = (name: string, definition: string): DeclaredOperation => ({
  name,
  definition: `http://hl7.org/fhir/OperationDefinition/${definition}`,
});

const bulk = (name: string, definition: string): DeclaredOperation => ({
  name,
  definition: `http://hl7.org/fhir/uv/bulkdata/OperationDefinition/${definition}`,
});

/** Operations of every type, of single types, and of the whole server: what the controllers route. */
export const operations: {
  readonly everyType: readonly DeclaredOperation[];
  readonly oneType: Readonly<Record<string, readonly DeclaredOperation[]>>;
  readonly system: readonly DeclaredOperation[];
} = {
  everyType: [
    fhir('validate', 'Resource-validate'),
    fhir('meta', 'Resource-meta'),
    fhir('meta-add', 'Resource-meta-add'),
    fhir('meta-delete', 'Resource-meta-delete'),
  ],
  oneType: {
    Patient: [fhir('everything', 'Patient-everything'), bulk('export', 'patient-export')],
    Group: [bulk('export', 'group-export')],
    Observation: [fhir('lastn', 'Observation-lastn')],
  },
  system: [
    fhir('meta', 'Resource-meta'),
    bulk('export', 'export'),
    { name: 'import', definition: 'urn:x-suture:operation:import' },
  ],
};
