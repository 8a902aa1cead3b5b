import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FhirObject, readJson } from '#fhir';
import { isEngineError } from '#kernel';
import { compileInterest, interestText } from './interest.js';
import { TopicCatalog } from './topic-catalog.js';

const shipped = TopicCatalog.open(join(import.meta.dirname, '../../../mappings/topics'));
const lab = 'https://suture.example/SubscriptionTopic/lab-results';
const admissions = 'https://suture.example/SubscriptionTopic/admissions';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'suture-topics-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = (change: (text: string) => string = (text) => text) =>
  change(`topic: https://a.example/topic
title: a test
trigger:
  resource: Observation
  interactions: [create, update]
  when: "%current.status = 'final'"
filters: [patient]
`);
const problemOf = (text: string) => {
  writeFileSync(join(folder, 'one.yaml'), text);
  const [problem] = TopicCatalog.open(folder).problems;
  return problem && `${problem.line} ${problem.code} ${problem.message} - ${problem.remedy}`;
};

describe('topics as files', () => {
  test('those that ship are good', () => {
    expect(shipped.problems).toEqual([]);
    expect(shipped.urls).toEqual([admissions, lab]);
  });

  test.each<[string, (text: string) => string, RegExp]>([
    ['a word that is unknown', (text) => text.replace('title:', 'titel:'), /^[12] CHANNEL_\w+ .*tit/],
    ['a topic that is no URL', (text) => text.replace('https://', ''), /^1 CHANNEL_VALUE_WRONG .*canonical/],
    [
      'an unknown type',
      (text) => text.replace('Observation', 'Obs'),
      /^4 CHANNEL_VALUE_WRONG .*resource type/,
    ],
    [
      'another interaction',
      (text) => text.replace('create,', 'read,'),
      /^5 CHANNEL_VALUE_WRONG .*create, update or delete/,
    ],
    [
      'an expression that ends early',
      (text) => text.replace("'final'", ''),
      /^6 TOPIC_EXPRESSION_WRONG .*write FHIR/,
    ],
    [
      'a function that is unknown',
      (text) => text.replace("= 'final'", '.foo()'),
      /^6 TOPIC_EXPRESSION_WRONG .*foo/,
    ],
    [
      'a variable that is unknown',
      (text) => text.replace('%current', '%now'),
      /^6 TOPIC_EXPRESSION_WRONG .*now/,
    ],
    [
      'a filter that is no parameter',
      (text) => text.replace('[patient]', '[mood]'),
      /^7 TOPIC_FILTER_UNKNOWN .*mood/,
    ],
    [
      'an inclusion by what is no reference',
      (text) => `${text}shape: { include: [Observation:code] }\n`,
      /^8 TOPIC_INCLUDE_UNKNOWN .*Observation:subject/,
    ],
    [
      'an inclusion that begins elsewhere',
      (text) => `${text}shape: { include: [Patient:organization] }\n`,
      /^8 TOPIC_INCLUDE_UNKNOWN .*Observation:subject/,
    ],
    [
      'an inclusion backwards of what is no type',
      (text) => `${text}shape: { revInclude: [Report:result] }\n`,
      /^8 TOPIC_INCLUDE_UNKNOWN .*resource type/,
    ],
    ['no YAML', () => 'topic: [', /^\d TOPIC_YAML_MALFORMED/],
    ['nothing', () => '', /TOPIC_YAML_MALFORMED .*empty/],
  ])('%s is told with line and remedy', (_what, change, expected) => {
    expect(problemOf(file(change))).toMatch(expected);
  });

  test('a mistake in one file does not touch the others, and a topic stands in one file only', () => {
    writeFileSync(join(folder, 'a.yaml'), file());
    writeFileSync(join(folder, 'b.yaml'), file());
    writeFileSync(join(folder, 'c.yaml'), 'topic: nothing\n');
    const topics = TopicCatalog.open(folder);
    expect(topics.urls).toEqual(['https://a.example/topic']);
    expect(topics.problems.some(({ code }) => code === 'TOPIC_TWICE')).toBe(true);
    expect(TopicCatalog.open(join(folder, 'nowhere')).urls).toEqual([]);
  });
});

describe('what a topic tells', () => {
  const topicOf = (text: string) => {
    writeFileSync(join(folder, 'one.yaml'), text);
    const topics = TopicCatalog.open(folder);
    expect(topics.problems).toEqual([]);
    return topics;
  };
  const content = (status: string): FhirObject => ({ resourceType: 'Observation', status });

  test('a deletion is an event where the topic says so, by what the resource was', () => {
    const topic = topicOf(
      file((text) =>
        text
          .replace('[create, update]', '[delete]')
          .replace("%current.status = 'final'", "%current.empty() and %previous.status = 'final'"),
      ),
    ).find('https://a.example/topic');
    expect(topic?.tellsDeletions).toBe(true);
    expect(topic?.isTriggeredBy({ current: undefined, previous: content('final') })).toBe(true);
    expect(topic?.isTriggeredBy({ current: undefined, previous: content('preliminary') })).toBe(false);
    expect(topic?.isTriggeredBy({ current: content('final'), previous: content('final') })).toBe(false);
    expect(topic?.isTriggeredBy({ current: content('final'), previous: undefined })).toBe(false);
  });

  test('one that does not say so tells no deletion, and criteria as in R4 never do', () => {
    const topics = topicOf(file());
    const previous = content('final');
    expect(compileInterest('https://a.example/topic', topics).concernsDeletion(previous)).toBe(false);
    expect(compileInterest('Observation', topics).concernsDeletion(previous)).toBe(false);
  });

  test('filters look at what was deleted', () => {
    const topics = topicOf(
      file((text) =>
        text.replace('[create, update]', '[delete]').replace('%current.status', '%previous.status'),
      ),
    );
    const interest = compileInterest(
      interestText('https://a.example/topic', ['Observation?patient=Patient/p1']),
      topics,
    );
    const about = (patient: string) => ({
      ...content('final'),
      subject: { reference: `Patient/${patient}` },
    });
    expect(interest.concernsDeletion(about('p1'))).toBe(true);
    expect(interest.concernsDeletion(about('p2'))).toBe(false);
    expect(interest.concernsDeletion(undefined)).toBe(false);
  });

  test('what it sends along is asked for as a search does', () => {
    const topics = topicOf(
      `${file()}shape: { include: [Observation:subject:Patient], revInclude: [DiagnosticReport:result] }\n`,
    );
    expect(topics.find('https://a.example/topic')?.inclusions).toEqual([
      ['_include', 'Observation:subject:Patient'],
      ['_revinclude', 'DiagnosticReport:result'],
    ]);
  });
});

describe('the topics that ship', () => {
  const observation = (change: string, status = 'final') =>
    readJson(
      `{"resourceType":"Observation","id":"o","status":"${status}","category":[{"coding":[{"code":"laboratory"}]}]${change}}`,
    ) as FhirObject;
  const value = (text: string) => `,"valueQuantity":{"value":${text},"unit":"mmol/l"}`;

  test('a result that became final, or whose value was corrected, is an event', () => {
    const topic = shipped.find(lab);
    const isEvent = (current: FhirObject, previous?: FhirObject) =>
      topic?.isTriggeredBy({ current, previous });
    const first = observation(value('6.80'));
    expect(isEvent(first)).toBe(true);
    expect(isEvent(first, first)).toBe(false);
    expect(isEvent(first, observation(value('6.80'), 'preliminary'))).toBe(true);
    expect(isEvent(first, observation(value('7.10')))).toBe(true);
    expect(isEvent(first, observation(''))).toBe(true);
    expect(isEvent(observation(value('6.80'), 'preliminary'))).toBe(false);
    expect(isEvent({ resourceType: 'Observation', status: 'final' })).toBe(true);
    const category = [{ coding: [{ code: 'vital-signs' }] }];
    expect(isEvent({ resourceType: 'Observation', status: 'final', category })).toBe(false);
  });

  test('an admission is an event once', () => {
    const topic = shipped.find(admissions);
    const visit = (status: string): FhirObject => ({ resourceType: 'Encounter', status });
    const current = visit('in-progress');
    expect(topic?.isTriggeredBy({ current, previous: undefined })).toBe(true);
    expect(topic?.isTriggeredBy({ current, previous: visit('planned') })).toBe(true);
    expect(topic?.isTriggeredBy({ current, previous: visit('in-progress') })).toBe(false);
    expect(topic?.isTriggeredBy({ current: visit('finished'), previous: current })).toBe(false);
  });
});

describe('what a subscription wants', () => {
  const refusalOf = (criteria: string, ...filters: string[]) => {
    try {
      compileInterest(interestText(criteria, filters), shipped);
    } catch (error) {
      if (isEngineError(error, 'rejected')) return `${error.code} ${error.message}`;
      throw error;
    }
    return 'accepted';
  };

  test('filters of a topic must all match', () => {
    const interest = compileInterest(
      interestText(lab, ['Observation?patient=Patient/p1', 'subject=Patient/p1']),
      shipped,
    );
    const about = (patient: string): FhirObject => ({
      resourceType: 'Observation',
      subject: { reference: `Patient/${patient}` },
    });
    expect([interest.type, interest.topic?.url]).toEqual(['Observation', lab]);
    expect([interest.matches(about('p1')), interest.matches(about('p2'))]).toEqual([true, false]);
  });

  test('a topic or filter that does not exist is refused with those that do', () => {
    expect(refusalOf('https://a.example/none')).toMatch(/^SUBSCRIPTION_TOPIC_UNKNOWN .*lab-results/);
    expect(refusalOf(lab, 'Observation?mood=good')).toMatch(/^SUBSCRIPTION_FILTER_UNKNOWN .*patient/);
    expect(refusalOf(lab, 'Patient?patient=1')).toMatch(/^SUBSCRIPTION_FILTER_UNKNOWN/);
    expect(refusalOf('Observation?patient=Patient/p1')).toBe('accepted');
  });
});
