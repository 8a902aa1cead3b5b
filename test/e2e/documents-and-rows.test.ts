import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { repositoryRoot } from '../load/bench-messages.js';
import { freePort } from '../load/engine-process.js';
import { Deployment, eventually, oneProcess } from './deployment.js';
import { Workspace } from './workspace.js';

const fixtures = join(repositoryRoot, 'test/fixtures/ccda');
const rows =
  'patient_id,patient_name,birth_date,loinc,test,result,unit,collected\n' +
  'R-1,"Weiss, Eva",1970-02-01,2823-3,Potassium,6.80,mmol/L,2026-01-02T08:15:00Z\n' +
  'R-2,"Curtis, Ann",1980-05-17\n' +
  'R-3,"Ode, Max",1990-05-17,2345-7,Glucose,5.10,mmol/L,2026-01-02T08:15:00Z\n';

let engine: Deployment | undefined;
afterAll(() => engine?.close(), 90_000);

async function read(path: string): Promise<string> {
  const headers = { authorization: `Bearer ${engine?.accessToken ?? ''}` };
  const answer = await fetch(`${engine?.httpUrl ?? ''}/fhir/${path}`, { headers });
  return answer.text();
}

test('a document by HTTP and rows from a folder are read over FHIR; what is none costs itself alone', async () => {
  const workspace = await Workspace.create('http://127.0.0.1:9/');
  const folder = join(workspace.directory, 'labs');
  const port = await freePort();
  mkdirSync(folder);
  workspace.channel(
    'rows',
    `{ directory: { path: ${folder}, format: csv, accept: [csv.labs], poll: 20ms, settle: 0ms } }`,
  );
  workspace.channel('documents', `{ http: { listen: "127.0.0.1:${port}", accept: [CDA] } }`);
  engine = await Deployment.of(oneProcess, workspace);
  await engine.start();

  const post = (body: string | Buffer) =>
    fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: new Uint8Array(Buffer.from(body)) });
  const receipt = (await (await post(readFileSync(join(fixtures, 'allergies.xml')))).json()) as {
    files: { journaled: number }[];
  };
  expect(receipt.files.map(({ journaled }) => journaled)).toEqual([1]);
  expect((await post('<ClinicalDocument><broken></ClinicalDocument>')).status).toBe(200);
  writeFileSync(join(folder, '.half'), rows);
  renameSync(join(folder, '.half'), join(folder, 'day.csv'));

  await eventually('the allergies are there', async () =>
    (await read('AllergyIntolerance')).includes('"AllergyIntolerance"'),
  );
  await eventually('the results are there', async () =>
    (await read('Observation?_count=100')).includes('6.80'),
  );
  const document = await read('Composition');
  expect(document).toContain('34133-9');
  expect(await read('Observation?_count=100')).toMatch(/"value": ?5\.10\b/);
  const report = join(folder, 'archive', 'day.csv.report.json');
  await eventually('the file is archived', () => existsSync(report));
  const { units, journaled, refused, refusals } = JSON.parse(readFileSync(report, 'utf8')) as Record<
    string,
    unknown
  >;
  expect({ units, journaled, refused, refusals }).toMatchObject({
    units: 3,
    journaled: 2,
    refused: 1,
    refusals: [{ line: 3 }],
  });
  await eventually('the broken document is a dead letter', async () => {
    const dead = await engine?.database.query<{ code: string }>('SELECT code FROM dead_letter', []);
    return dead?.map(({ code }) => code).join() === 'CDA_MALFORMED' || JSON.stringify(dead);
  });
}, 120_000);
