import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { hasSftpServer, SftpServer } from '../../libs/connectors/testing/sftp-server.js';
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

const document = readFileSync(join(fixtures, 'allergies.xml'));

let engine: Deployment | undefined;
let server: SftpServer | undefined;
afterEach(async () => {
  await engine?.close();
  engine = undefined;
  server?.close();
}, 90_000);

type Report = Record<'units' | 'journaled' | 'duplicates' | 'refused' | 'format' | 'refusals', unknown>;

function reportOf(path: string): Report {
  return JSON.parse(readFileSync(path, 'utf8')) as Report;
}

async function started(channels: Record<string, string>): Promise<void> {
  const workspace = await Workspace.create('http://127.0.0.1:9/');
  for (const [name, source] of Object.entries(channels)) workspace.channel(name, source);
  engine = await Deployment.of(oneProcess, workspace);
  await engine.start();
}

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
  const receipt = (await (await post(document)).json()) as {
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
  expect(await read('Composition')).toContain('34133-9');
  expect(await read('Observation?_count=100')).toMatch(/"value": ?5\.10\b/);
  const report = join(folder, 'archive', 'day.csv.report.json');
  await eventually('the file is archived', () => existsSync(report));
  expect(reportOf(report)).toMatchObject({
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

test('rows by HTTP are answered after the commit, sent again they are stored once, and the format is found out', async () => {
  const port = await freePort();
  await started({ posted: `{ http: { listen: "127.0.0.1:${port}", accept: [csv.labs, CDA] } }` });
  const post = async (body: RequestInit['body']) => {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: body ?? null });
    return { status: answer.status, files: ((await answer.json()) as { files: Report[] }).files };
  };
  const form = new FormData();
  form.append('rows', new Blob([rows], { type: 'text/csv' }), 'day.csv');
  form.append('document', new Blob([new Uint8Array(document)]), 'allergies.xml');

  const taken = { format: 'csv', units: 3, journaled: 2, refused: 1, refusals: [{ line: 3 }] };
  expect(await post(rows)).toMatchObject({ status: 200, files: [taken] });
  expect(await post(form)).toMatchObject({
    status: 200,
    files: [
      { format: 'csv', journaled: 0, duplicates: 2, refused: 1 },
      { format: 'cda', journaled: 1 },
    ],
  });
  expect(await post('one,two\n1,2\n')).toMatchObject({
    status: 422,
    files: [{ format: 'csv', error: { code: 'CSV_COLUMNS_MISSING' } }],
  });
  await eventually('the results are there', async () =>
    /"value": ?6\.80\b/.test(await read('Observation?_count=100')),
  );
  await eventually('the allergies are there', async () =>
    (await read('AllergyIntolerance')).includes('"AllergyIntolerance"'),
  );
}, 120_000);

(hasSftpServer ? test : test.skip)(
  'documents and rows from an SFTP server are read over FHIR, and archived there (skipped without sshd)',
  async () => {
    server = await SftpServer.start();
    const inboxes = { documents: join(server.folder, 'documents'), rows: join(server.folder, 'rows') };
    for (const path of Object.values(inboxes)) mkdirSync(path);
    const { port, user, hostKey } = server;
    const there = `host: 127.0.0.1, port: ${port}, user: ${user}, key: "file:${server.key('user')}", host_key: "SHA256:${hostKey}", poll: 20ms, settle: 0ms`;
    await started({
      documents: `{ sftp: { ${there}, path: ${inboxes.documents}, accept: [CDA] } }`,
      rows: `{ sftp: { ${there}, path: ${inboxes.rows}, format: csv, accept: [csv.labs] } }`,
    });
    const put = (folder: string, name: string, content: string | Buffer) => {
      writeFileSync(join(folder, '.half'), content);
      renameSync(join(folder, '.half'), join(folder, name));
    };
    put(inboxes.documents, 'allergies.xml', document);
    put(inboxes.documents, 'note.txt', 'no document');
    put(inboxes.rows, 'day.csv', rows);
    const reports = [
      join(inboxes.documents, 'archive', 'allergies.xml.report.json'),
      join(inboxes.documents, 'error', 'note.txt.report.json'),
      join(inboxes.rows, 'archive', 'day.csv.report.json'),
    ] as const;
    await eventually('the files are archived, or lie among the errors', () =>
      reports.every((path) => existsSync(path)),
    );
    expect(reports.map(reportOf)).toMatchObject([
      { format: 'cda', units: 1, journaled: 1 },
      { units: 0, error: { code: 'FILE_FORMAT_UNKNOWN' } },
      { format: 'csv', units: 3, journaled: 2, refused: 1, refusals: [{ line: 3 }] },
    ]);
    await eventually('the results are there', async () =>
      /"value": ?6\.80\b/.test(await read('Observation?_count=100')),
    );
    await eventually('the allergies are there', async () =>
      (await read('AllergyIntolerance')).includes('"AllergyIntolerance"'),
    );
  },
  120_000,
);
