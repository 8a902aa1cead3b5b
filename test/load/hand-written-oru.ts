import { writeJson } from '#fhir';
import { parseMessage } from '#hl7v2';
import {
  addHeader,
  addPatient,
  addReport,
  addRequest,
  addResult,
  addSpecimen,
  addVisit,
  HandWrittenOru,
} from './hand-written-resources.js';
import { type Json, type Segment, text } from './hand-written-values.js';

/**
 * What a programmer would write for one laboratory and nothing else: the baseline of `npm run bench`. Makes the same
 * resources as the mapping language does of the bench messages (a test compares them), without a map, a report, or a
 * thought for other senders. Gives the bytes of the resources, one JSON text a line.
 */
export function mapOruByHand(raw: Buffer, tenant: string): Buffer {
  const message = parseMessage(raw);
  const out = new HandWrittenOru(tenant);
  let patient: Json | undefined;
  let visit: Json | undefined;
  let request: Json | undefined;
  let specimen: Json | undefined;
  let order: Segment | undefined;
  let control: Segment | undefined;
  let last: Json | undefined;
  let results: Json[] = [];
  const report = (): void => {
    if (order) addReport(out, order, { patient, visit, request, specimen }, results);
    results = [];
  };
  for (const segment of message.segments) {
    switch (segment.name) {
      case 'MSH':
        addHeader(out, segment);
        break;
      case 'PID':
        patient = addPatient(out, segment);
        break;
      case 'PV1':
        visit = addVisit(out, segment, patient);
        break;
      case 'ORC':
        control = segment;
        break;
      case 'OBR':
        report();
        order = segment;
        specimen = addSpecimen(out, segment, patient);
        request = addRequest(out, segment, control, { patient, visit, specimen });
        break;
      case 'OBX': {
        const reference = addResult(out, segment, { patient, visit, request, specimen });
        last = out.resources.findLast((resource) => resource['resourceType'] === 'Observation');
        results.push(reference);
        break;
      }
      case 'NTE':
        if (last) last['note'] = [{ text: text(segment, 3) }];
        break;
      default:
        break;
    }
  }
  report();
  return Buffer.from(out.resources.map((resource) => writeJson(resource)).join('\n'));
}
