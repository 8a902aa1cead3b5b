import { expect, test } from '@jest/globals';
import { readMessageHeader } from '#hl7v2';
import { eventually } from './deployment.js';
import { allSamples, result, SAMPLE_PATIENT, samples, samplesDirectory } from './samples.js';
import type { FhirBody, Scene } from './scene.js';

/** From the socket to receivers and subscribers. */
export function messagesFlow(scene: () => Scene): void {
  test('a channel file and a mapping with a mistake are named with place and remedy, and the rest runs', () => {
    const { printed } = scene().engine;
    expect(printed).toMatch(/NOT RUNNING .*mistaken\.yaml:5:5 [A-Z_]+: .*frame_maximum.*; .*frame_max\b/);
    expect(printed).toMatch(
      /not used +.*hl7v2\/crm-c01\.yaml:9:19 MAPPING_UNKNOWN_MAP: .*; .*v2\.PID\.Patient/,
    );
    expect(printed).toMatch(/ward +mllp:\/\//);
    expect(printed).toMatch(/hospital +mllp:\/\//);
  });

  test('every sample is acknowledged under its control id, and its resources are stored', async () => {
    for (const { file, raw } of samples()) {
      const { controlId } = readMessageHeader(raw);
      const reply = await scene().send('ward', raw);
      expect([file, reply?.acknowledgment.code, reply?.acknowledgment.acknowledgedId]).toEqual([
        file,
        'AA',
        controlId,
      ]);
    }
    await scene().settled();
    const dead = await scene().engine.database.query('SELECT code, reason FROM pack WHERE state <> 1');
    expect(dead).toEqual([]);
  });

  test('suture send shows each acknowledgment decoded, of the whole folder', async () => {
    const { hospital } = scene().engine.workspace.ports;
    const { code, lines, notes } = await scene().suture('send', samplesDirectory, '--port', String(hospital));
    expect(notes).toBe('');
    expect(lines.slice(0, -1)).toEqual(
      allSamples().map(({ raw }) => {
        // A message that acknowledges another one is not acknowledged.
        const isAcknowledgment = raw.includes('\rMSA|') || raw.includes('\nMSA|');
        return expect.objectContaining({ code: isAcknowledgment ? null : 'AA', accepted: true });
      }),
    );
    expect(code).toBe(0);
  });

  test('a type that the channel does not take is refused with its condition and place', async () => {
    const text = result('REFUSED-1').toString('latin1').replace('ORU^R01^ORU_R01', 'ORU^R40^ORU_R40');
    const reply = await scene().send('ward', Buffer.from(text, 'latin1'));
    expect(reply?.acknowledgment).toMatchObject({ code: 'AR', acknowledgedId: 'REFUSED-1' });
    expect(reply?.acknowledgment.errors[0]).toMatchObject({ condition: '201', location: 'MSH^1^9' });
  });

  test('the HTTP destination receives every message once, in the order of each patient, with gap-free numbers', async () => {
    for (let n = 0; n < 20; n++) {
      const patient = `WARD-${n % 4}`;
      await scene().sendResult(patient, `ORDER-${n}`, result(`ORDER-${n}`, patient));
    }
    await scene().settled();
    expect(await scene().breaches()).toEqual([]);
    expect(scene().delivered).toHaveLength(samples().length + 20);
  });

  test('a receiver that was down catches up without loss, in order', async () => {
    const { receiver } = scene();
    await receiver.down();
    for (let n = 0; n < 12; n++) {
      const patient = `WARD-${n % 3}`;
      await scene().sendResult(patient, `DOWN-${n}`, result(`DOWN-${n}`, patient));
    }
    await scene().settled(['deliveries']);
    const { length: before } = receiver.posts;
    await receiver.up();
    await eventually('what waited arrives', () => receiver.posts.length >= before + 12);
    await scene().settled();
    expect(await scene().breaches()).toEqual([]);
  });
}

/** FHIR rest-hook subscriptions over the API. */
export function subscriptionsNotify(scene: () => Scene): void {
  const headers = () => ({
    'content-type': 'application/fhir+json',
    authorization: `Bearer ${scene().engine.accessToken}`,
  });

  test('a subscription is filed only with the access token', async () => {
    const answer = await scene().fhir('Subscription', {
      method: 'POST',
      body: '{}',
      headers: { authorization: '' },
    });
    expect([answer.status, answer.body.resourceType]).toEqual([401, 'OperationOutcome']);
  });

  test('a rest-hook subscription receives what matches, numbered from 1, and nothing else', async () => {
    const found = await scene().fhir(`Patient?identifier=${SAMPLE_PATIENT}`);
    const patient = found.body.entry?.[0]?.resource?.id ?? '';
    const { subscriber } = scene();
    const body = JSON.stringify({
      resourceType: 'Subscription',
      status: 'requested',
      reason: 'results of one patient',
      criteria: `Observation?patient=Patient/${patient}`,
      channel: { type: 'rest-hook', endpoint: subscriber.url, payload: 'application/fhir+json' },
    });
    const filed = await scene().fhir('Subscription', { method: 'POST', headers: headers(), body });
    expect([filed.status, filed.body.status]).toEqual([201, 'requested']);
    const id = filed.body.id ?? '';
    await eventually('the handshake makes it active', async () => {
      const { body: now } = await scene().fhir(`Subscription/${id}`, { headers: headers() });
      return now.status === 'active' || String(now.status);
    });
    for (let n = 0; n < 6; n++) {
      const isMatch = n % 2 === 1;
      const raw = isMatch ? result(`HOOK-${n}`) : result(`HOOK-${n}`, 'WARD-9');
      await scene().sendResult(isMatch ? SAMPLE_PATIENT : 'WARD-9', `HOOK-${n}`, raw);
    }
    await eventually('three events', () => eventNumbers(subscriber.posts).length >= 3);
    await scene().settled();
    expect([...new Set(eventNumbers(subscriber.posts))]).toEqual([1, 2, 3]);
    const subjects = subscriber.posts.flatMap(({ body: text }) => [
      ...text.matchAll(/"reference":"(Patient\/[^"]+)"/g),
    ]);
    expect(new Set(subjects.map(([, reference]) => reference))).toEqual(new Set([`Patient/${patient}`]));
  });
}

interface Parameter {
  readonly name: string;
  readonly valueString?: string;
  readonly part?: readonly Parameter[];
}

function eventNumbers(posts: readonly { readonly body: string }[]): number[] {
  return posts.flatMap(({ body }) => {
    const bundle = JSON.parse(body) as FhirBody & {
      readonly entry: readonly { readonly resource?: { readonly parameter?: readonly Parameter[] } }[];
    };
    const parameters = bundle.entry[0]?.resource?.parameter ?? [];
    return parameters
      .filter(({ name }) => name === 'notification-event')
      .map(({ part }) => Number(part?.find(({ name }) => name === 'event-number')?.valueString));
  });
}
