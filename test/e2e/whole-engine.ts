import { afterAll, beforeAll, describe } from '@jest/globals';
import { corpusFlows } from './corpus.js';
import type { Mode } from './deployment.js';
import { resourcesAreRead } from './fhir-reads.js';
import { messagesFlow, subscriptionsNotify } from './messages-flow.js';
import { operatorToolsTell } from './operator-tools.js';
import { Scene } from './scene.js';
import { engineStopsAndStarts } from './stop-and-start.js';

/** More than an app has to become ready, so that a failure shows its words. */
const STARTS_WITHIN_MS = 90_000;

/** What must hold however the engine is run. One engine for all of it, so the order of the parts matters. */
export function wholeEngine(mode: Mode): void {
  let opened: Scene | undefined;
  const scene = (): Scene => {
    if (opened === undefined) throw new Error('the engine did not start');
    return opened;
  };
  beforeAll(async () => {
    opened = await Scene.open(mode);
  }, STARTS_WITHIN_MS);
  afterAll(() => opened?.close());

  describe('messages flow', () => messagesFlow(scene));
  describe('resources are read', () => resourcesAreRead(scene));
  describe('subscriptions notify', () => subscriptionsNotify(scene));
  corpusFlows(scene);
  describe('the tools of an operator', () => operatorToolsTell(scene));
  describe('the engine stops and starts', () => engineStopsAndStarts(scene));
}
