import { Decimal } from '#fhir';
import { stableId } from '#kernel';
import {
  coded,
  genders,
  identifier,
  interpretations,
  type Json,
  moment,
  type Segment,
  statuses,
  text,
  v2,
} from './hand-written-values.js';

/** The resources of one message, and what the other ones refer to. */
export class HandWrittenOru {
  readonly resources: Json[] = [];
  readonly #made = new Map<string, Json>();
  readonly #tenant: string;

  constructor(tenant: string) {
    this.#tenant = tenant;
  }

  add(type: string, key: string[], content: Json): Json {
    const id = stableId(this.#tenant, type, key);
    const reference = { reference: `${type}/${id}` };
    if (this.#made.has(id)) return reference;
    this.#made.set(id, reference);
    this.resources.push({ resourceType: type, id, ...content });
    return reference;
  }

  practitioner(segment: Segment, field: number): Json | undefined {
    const id = text(segment, field);
    if (id === undefined) return undefined;
    const known = this.#made.get(`practitioner ${id}`);
    if (known) return known;
    const name: Json = {
      family: text(segment, field, 2),
      given: [text(segment, field, 3)],
      prefix: [text(segment, field, 6)],
    };
    const made = this.add('Practitioner', [id], { identifier: [{ value: id }], name: [name] });
    this.#made.set(`practitioner ${id}`, made);
    return made;
  }

  /** Of a code and a name: the facility that sends is not the laboratory of its code, which has a name. */
  organization(id: string | undefined, name: string | undefined, country?: string): Json | undefined {
    if (id === undefined) return undefined;
    const known = this.#made.get(`organization ${id} ${name}`);
    if (known) return known;
    const content: Json = { identifier: [{ value: id }], name };
    if (country !== undefined) content['address'] = [{ country }];
    const made = this.add('Organization', [id, name ?? ''], content);
    this.#made.set(`organization ${id} ${name}`, made);
    return made;
  }

  location(segment: Segment): Json | undefined {
    let above: Json | undefined;
    const key: string[] = [];
    for (const [component, code, display] of [
      [4, 'si', 'Site'],
      [1, '', ''],
      [2, 'ro', 'Room'],
      [3, 'bd', 'Bed'],
    ] as const) {
      const name = text(segment, 3, component);
      if (name === undefined) continue;
      key.push(name);
      const content: Json = { identifier: [{ value: name }], name, mode: 'instance' };
      if (code !== '')
        content['physicalType'] = {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/location-physical-type', code, display }],
        };
      if (above) content['partOf'] = above;
      above = this.add('Location', key, content);
    }
    return above;
  }
}

export interface Around {
  readonly patient?: Json | undefined;
  readonly visit?: Json | undefined;
  readonly request?: Json | undefined;
  readonly specimen?: Json | undefined;
}

export function addHeader(out: HandWrittenOru, msh: Segment): void {
  const receiver = out.organization(text(msh, 6), text(msh, 6));
  const sender = out.organization(text(msh, 4), text(msh, 4), text(msh, 17));
  const header = out.add('MessageHeader', [text(msh, 3) ?? '', text(msh, 10) ?? ''], {
    meta: {
      source: `urn:x-local:${text(msh, 3)}#${text(msh, 10)}`,
      tag: [{ system: `${v2}0103`, code: text(msh, 11) }],
    },
    eventCoding: {
      system: `${v2}0003`,
      code: text(msh, 9, 2),
      display: `${text(msh, 9)}^${text(msh, 9, 2)}^${text(msh, 9, 3)}`,
    },
    destination: [{ name: text(msh, 5), endpoint: `urn:x-local:${text(msh, 5)}`, receiver }],
    sender,
    source: { name: text(msh, 3), endpoint: `urn:x-local:${text(msh, 3)}` },
  });
  const author = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';
  out.add('Provenance', [text(msh, 3) ?? '', text(msh, 10) ?? ''], {
    target: [header],
    recorded: moment(text(msh, 7)),
    agent: [{ type: { coding: [{ system: author, code: 'author' }] }, who: sender }],
  });
}

export function addPatient(out: HandWrittenOru, pid: Segment): Json {
  return out.add('Patient', [text(pid, 3) ?? '', text(pid, 3, 4) ?? ''], {
    identifier: [identifier(pid, 3, text(pid, 3, 5) ?? 'MR')],
    name: [
      {
        family: text(pid, 5),
        given: [text(pid, 5, 2), text(pid, 5, 3)].filter((name) => name !== undefined),
      },
    ],
    gender: genders[text(pid, 8) ?? ''] ?? 'unknown',
    birthDate: moment(text(pid, 7)),
    address: [
      {
        line: [text(pid, 11)],
        city: text(pid, 11, 3),
        state: text(pid, 11, 4),
        postalCode: text(pid, 11, 5),
        country: text(pid, 11, 6),
      },
    ],
  });
}

export function addVisit(out: HandWrittenOru, pv1: Segment, patient: Json | undefined): Json {
  const attending = out.practitioner(pv1, 7);
  const location = out.location(pv1);
  const type = {
    coding: [
      {
        system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',
        code: 'ATND',
        display: 'attender',
      },
    ],
  };
  return out.add('Encounter', [text(pv1, 19) ?? '', text(pv1, 19, 4) ?? ''], {
    identifier: [identifier(pv1, 19, 'VN')],
    status: 'in-progress',
    class: {
      system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
      code: 'IMP',
      display: 'inpatient encounter',
    },
    type: [{ coding: [{ system: `${v2}0018`, code: text(pv1, 18) }] }],
    subject: patient,
    participant: [{ type: [type], individual: attending }],
    location: [{ location, status: 'active' }],
  });
}

export function addSpecimen(out: HandWrittenOru, obr: Segment, patient: Json | undefined): Json | undefined {
  if (text(obr, 15) === undefined) return undefined;
  return out.add('Specimen', [text(obr, 3) ?? ''], {
    type: coded(obr, 15),
    subject: patient,
    receivedTime: moment(text(obr, 14)),
    collection: { collectedDateTime: moment(text(obr, 7)) },
  });
}

export function addRequest(
  out: HandWrittenOru,
  obr: Segment,
  orc: Segment | undefined,
  around: Around,
): Json {
  return out.add('ServiceRequest', [text(obr, 3) ?? '', text(obr, 4) ?? ''], {
    identifier: [identifier(obr, 2, 'PLAC'), identifier(obr, 3, 'FILL')],
    status: 'completed',
    _status: orc && alternateCode(text(orc, 1)),
    intent: 'order',
    category: [{ coding: [{ system: `${v2}0074`, code: text(obr, 24) }] }],
    code: coded(obr, 4),
    subject: around.patient,
    encounter: around.visit,
    authoredOn: orc && moment(text(orc, 9)),
    requester: orc && out.practitioner(orc, 12),
    specimen: around.specimen ? [around.specimen] : undefined,
  });
}

/** The code of the sender, of which `status` is a translation. */
function alternateCode(code: string | undefined): Json | undefined {
  if (code === undefined) return undefined;
  const valueCodeableConcept = { coding: [{ system: `${v2}0119`, code }] };
  return {
    extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/alternate-codes', valueCodeableConcept }],
  };
}

export function addResult(out: HandWrittenOru, obx: Segment, around: Around): Json {
  const unit = text(obx, 6);
  const value = Decimal.parse(text(obx, 5) ?? '');
  const flag = text(obx, 8);
  const producer = out.organization(text(obx, 15), text(obx, 15, 2));
  const request = String((around.request as { reference: string } | undefined)?.reference);
  const content: Json = {
    basedOn: [around.request],
    status: statuses[text(obx, 11) ?? ''] ?? 'unknown',
    code: coded(obx, 3),
  };
  content['subject'] = around.patient;
  content['encounter'] = around.visit;
  content['effectiveDateTime'] = moment(text(obx, 14));
  if (producer) content['performer'] = [producer];
  if (value) content['valueQuantity'] = { value, unit, system: 'http://unitsofmeasure.org', code: unit };
  else content['valueString'] = text(obx, 5);
  if (flag !== undefined)
    content['interpretation'] = [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation',
            code: flag,
            display: interpretations[flag],
          },
          { system: `${v2}0078`, code: flag },
        ],
      },
    ];
  if (around.specimen) content['specimen'] = around.specimen;
  const range = text(obx, 7);
  if (range !== undefined) content['referenceRange'] = [{ text: range }];
  return out.add(
    'Observation',
    [request, text(obx, 3) ?? '', text(obx, 3, 3) ?? '', text(obx, 4) ?? '', text(obx, 1) ?? ''],
    content,
  );
}

export function addReport(out: HandWrittenOru, obr: Segment, around: Around, results: Json[]): void {
  out.add('DiagnosticReport', [text(obr, 3) ?? '', text(obr, 4) ?? ''], {
    identifier: [identifier(obr, 2, 'PLAC'), identifier(obr, 3, 'FILL')],
    basedOn: [around.request],
    status: statuses[text(obr, 25) ?? ''] ?? 'unknown',
    category: [{ coding: [{ system: `${v2}0074`, code: text(obr, 24) }] }],
    code: coded(obr, 4),
    subject: around.patient,
    encounter: around.visit,
    effectiveDateTime: moment(text(obr, 7)),
    issued: moment(text(obr, 22)),
    specimen: around.specimen ? [around.specimen] : undefined,
    result: results,
  });
}
