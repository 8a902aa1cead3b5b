import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Problems } from './language/problems.js';
import { readMappingFile } from './language/read-mapping-file.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const generate = join(root, 'libs/mapping/generate');
const official = join(root, '../shared/v2-to-fhir');
const folder = mkdtempSync(join(tmpdir(), 'official-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A table in the shape of the official ones: two lines of headings, then a row for each target of a field. */
const table = [
  'HL7 v2,,,,,,Condition (IF True),,,HL7 FHIR,,,,,,,,Comments',
  'Sort Order,Identifier,Name,Data Type,Min,Max,ANTLR,FHIRPath,Narrative,Attribute,,Type,Min,Max,Type map,Vocabulary,Assignment,',
  '1,PR1-1,Set ID,SI,1,1,,,,,,,,,,,,',
  '3,PR1-3,Code,CNE,1,1,,,,code,,CodeableConcept,0,1,CNE[CodeableConcept],,,',
  '5,PR1-5,Time,DTM,1,1,IF PR1-7 NOT VALUED,,,performedDateTime,,dateTime,0,1,,,,',
  '5,PR1-5,Time,DTM,1,1,"IF PR1-7 VALUED AND (PR1-6 EQUALS ""A"" OR PR1-6 IN (""B"", ""C""))",,,performedPeriod.start,,dateTime,0,1,,,,',
  '6,PR1-6,Kind,CWE,0,1,"IF PR1-6 IS NOT ""D""",,,category,,CodeableConcept,0,1,,MaritalStatus,,',
  '8,PR1-8,Anaesthetist,XCN,0,*,,,,performer[1].actor(Practitioner),,Reference,0,1,,,,',
  '8,PR1-8,Anaesthetist,XCN,0,*,,,,performer[1].onBehalfOf,,Reference,0,1,,,"""Organization/1""",',
  '11,PR1-11,Surgeon,XCN,0,*,,,,performer[2].actor(Practitioner),,Reference,0,1,,,,',
  '12,PR1-12,Others,XCN,0,*,,,,location(Location.address),,Address,0,1,,,,',
  '15,PR1-15,Diagnosis,CWE,0,1,,,Where the sender means it,reasonCode,,CodeableConcept,0,1,,OurOwnCodes,,',
].join('\n');

const draft = `# Drafted from the official table PR1[Procedure]: read every rule before it is used.
map: draft.PR1.Procedure
source: hl7v2/PR1
create: Procedure
merge: update
# check: what identifies the thing in the world, and is the same in every message about it
key: [PR1-3]
set:
  code: PR1-3
  performedDateTime: { when: PR1-7 not valued, use: PR1-5 }
  performedPeriod.start: { when: "PR1-7 valued and (PR1-6 == 'A' or PR1-6 in ['B', 'C'])", use: PR1-5 }
  category: { when: "PR1-6 != 'D'", use: PR1-6 | table(marital-status) }
  performer:
    - set:
        actor: PR1-8
        onBehalfOf: { when: PR1-8 valued, value: Organization/1 }
    - set:
        actor: PR1-11
  # check: Where the sender means it
  # check: codes: OurOwnCodes
  reasonCode: PR1-15
  # check: PR1-12 -> location(Location.address)
# check: the table has no place for these; a drop wants the true reason
#   PR1-1: Set ID
`;

describe('drafts of maps from official tables', () => {
  mkdirSync(join(folder, 'segments'));
  writeFileSync(join(folder, 'segments', 'HL7 Segment - FHIR R4_ PR1[Procedure] - Sheet1.csv'), table);
  const run = (...words: string[]) =>
    spawnSync(process.execPath, [join(generate, 'draft-maps.mjs'), ...words, '--tables', folder], {
      encoding: 'utf8',
    });

  test('a table becomes a map of our language, with its conditions and what is left to decide', () => {
    expect(run('PR1[Procedure]').stdout).toBe(draft);
    const problems = new Problems('draft.yaml');
    expect(readMappingFile('draft.yaml', draft, problems).maps).toHaveLength(1);
    expect(problems.list).toEqual([]);
  });

  test('a table that is not there is answered with those that are', () => {
    const answer = run('ZZZ[Basic]');
    expect(answer.status).toBe(2);
    expect(answer.stderr).toBe('no table ZZZ[Basic]; there are PR1[Procedure]\n');
  });
});

/** The tables are beside the repository where it is developed, and not part of it. */
const whereTables = existsSync(official) ? test : test.skip; // ../shared/v2-to-fhir is not everywhere

describe('the official tables', () => {
  whereTables('every row of all tables is followed by our maps or has its reason', () => {
    const said = execFileSync(process.execPath, [join(generate, 'write-differences.mjs'), '--check'], {
      encoding: 'utf8',
    });
    expect(said).toBe('neither followed nor explained: 0\n');
  });
});
