import { describe, expect, test } from '@jest/globals';
import { parseStructure, type SegmentNode, Structure } from './structure.js';
import { structureGrammar } from './v2-dictionary.js';

function structureOf(grammar: string): Structure {
  const structure = parseStructure(grammar);
  if (structure instanceof Structure) return structure;
  throw new Error(structure.message);
}

/** Group path of every segment, `!` where it is out of place, `?` where the structure does not know it. */
function places(structure: Structure, names: string): string[] {
  let at: SegmentNode | undefined;
  return names.split(' ').map((name) => {
    const step = structure.next(at, name);
    if (!step.node) return `?${name}`;
    if (!step.outOfPlace) at = step.node;
    const path: string[] = [name];
    for (let group = step.node.group; group.parent; group = group.parent) path.unshift(group.name);
    return `${step.outOfPlace ? '!' : ''}${step.again ? '+' : ''}${path.join('.')}`;
  });
}

describe('placing segments in the groups of a message', () => {
  const oru = structureOf(structureGrammar('ORU_R01') ?? '');

  test('a laboratory report with two orders', () => {
    expect(places(oru, 'MSH PID PV1 ORC OBR NTE OBX NTE OBX SPM ORC OBR OBX')).toEqual([
      'MSH',
      'PATIENT_RESULT.PATIENT.PID',
      'PATIENT_RESULT.PATIENT.VISIT.PV1',
      'PATIENT_RESULT.ORDER_OBSERVATION.ORC',
      'PATIENT_RESULT.ORDER_OBSERVATION.OBR',
      'PATIENT_RESULT.ORDER_OBSERVATION.NTE',
      'PATIENT_RESULT.ORDER_OBSERVATION.OBSERVATION.OBX',
      'PATIENT_RESULT.ORDER_OBSERVATION.OBSERVATION.NTE',
      '+PATIENT_RESULT.ORDER_OBSERVATION.OBSERVATION.OBX',
      'PATIENT_RESULT.ORDER_OBSERVATION.SPECIMEN.SPM',
      '+PATIENT_RESULT.ORDER_OBSERVATION.ORC',
      'PATIENT_RESULT.ORDER_OBSERVATION.OBR',
      'PATIENT_RESULT.ORDER_OBSERVATION.OBSERVATION.OBX',
    ]);
  });

  test('a second order without ORC is an order of its own; a second PID another patient', () => {
    expect(places(oru, 'MSH PID OBR OBX OBR OBX PID OBR')).toEqual([
      'MSH',
      'PATIENT_RESULT.PATIENT.PID',
      'PATIENT_RESULT.ORDER_OBSERVATION.OBR',
      'PATIENT_RESULT.ORDER_OBSERVATION.OBSERVATION.OBX',
      '+PATIENT_RESULT.ORDER_OBSERVATION.OBR',
      'PATIENT_RESULT.ORDER_OBSERVATION.OBSERVATION.OBX',
      '+PATIENT_RESULT.PATIENT.PID',
      'PATIENT_RESULT.ORDER_OBSERVATION.OBR',
    ]);
  });

  test('what stands out of place goes to the nearest open group, what is unknown stays with the open one', () => {
    expect(places(oru, 'MSH PID OBR OBX PV1 ZZZ OBX')).toEqual([
      'MSH',
      'PATIENT_RESULT.PATIENT.PID',
      'PATIENT_RESULT.ORDER_OBSERVATION.OBR',
      'PATIENT_RESULT.ORDER_OBSERVATION.OBSERVATION.OBX',
      '!PATIENT_RESULT.PATIENT.VISIT.PV1',
      '?ZZZ',
      '+PATIENT_RESULT.ORDER_OBSERVATION.OBSERVATION.OBX',
    ]);
  });

  test.each([
    ['MSH PID(', 'is not closed'],
    ['MSH )', 'too many'],
    ['', 'at least one'],
    ['* MSH', 'no name before'],
    ['MSHX PID', 'no segment name'],
  ])('%p is no grammar', (grammar, message) => {
    const structure = parseStructure(grammar);
    expect(structure).toMatchObject({ message: expect.stringContaining(message) });
  });
});
