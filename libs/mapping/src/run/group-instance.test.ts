import { describe, expect, test } from '@jest/globals';
import { parseMessage } from '#hl7v2';
import { parseStructure, Structure } from '../dictionary/structure.js';
import { type GroupInstance, placeSegments } from './group-instance.js';

/** Segments and groups as they were placed: `PATIENT(PID NK1)`. */
function shape(group: GroupInstance): string {
  const parts = group.node.nodes.flatMap((node) =>
    node.kind === 'segment'
      ? (group.segments(node.slot) ?? []).map(({ name }) => name)
      : (group.groups(node.slot) ?? []).map((inner) => `${node.name}(${shape(inner)})`),
  );
  return parts.join(' ');
}

function place(grammar: string, names: string): { readonly shape: string; readonly outOfPlace: string } {
  const structure = parseStructure(grammar);
  if (!(structure instanceof Structure)) throw new Error(structure.message);
  const lines = names.split(' ').map((name) => (name === 'MSH' ? 'MSH|^~\\&|A' : `${name}|1`));
  const outOfPlace: string[] = [];
  const root = placeSegments(parseMessage(Buffer.from(lines.join('\r'))), structure, ({ name }) =>
    outOfPlace.push(name),
  );
  return { shape: shape(root), outOfPlace: outOfPlace.join(' ') };
}

describe('a segment that comes too late', () => {
  const orders = 'MSH PATIENT(PID NK1* PV1?)? ORDER(ORC OBR PRIOR(PID OBX*)*)*';
  const results = 'MSH PATIENT_RESULT(PATIENT(PID NK1*)? ORDER(ORC? OBR OBX*)+)+';

  test('goes to the open group that cannot be without it, not into a later one', () => {
    expect(place(orders, 'MSH NK1 PID ORC OBR')).toEqual({
      shape: 'MSH PATIENT(PID NK1) ORDER(ORC OBR)',
      outOfPlace: 'PID',
    });
  });

  test('goes on to a later group when the open one has it', () => {
    expect(place(orders, 'MSH PID ORC OBR PID OBX')).toEqual({
      shape: 'MSH PATIENT(PID) ORDER(ORC OBR PRIOR(PID OBX))',
      outOfPlace: '',
    });
  });

  test('does not make a second patient of the first', () => {
    expect(place(results, 'MSH NK1 PID OBR OBX PID OBR')).toEqual({
      shape: 'MSH PATIENT_RESULT(PATIENT(PID NK1) ORDER(OBR OBX)) PATIENT_RESULT(PATIENT(PID) ORDER(OBR))',
      outOfPlace: 'PID',
    });
  });

  test('opens a repeating group again rather than completing one that began without it', () => {
    expect(place('MSH ORDER(ORC RXE RXR*)*', 'MSH RXE RXR ORC RXE')).toEqual({
      shape: 'MSH ORDER(RXE RXR) ORDER(ORC RXE)',
      outOfPlace: '',
    });
  });
});
