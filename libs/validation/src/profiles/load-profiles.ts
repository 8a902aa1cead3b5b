import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FhirObject, type FhirValue, readJson } from '#fhir';
import { EngineError } from '#kernel';
import { isObject } from '../fhirpath/item.js';
import { type Profile, profileOf } from './profile.js';
import { objectAt, objectsAt, textAt, unversioned } from './tree.js';
import { ValueSets } from './value-sets.js';

/** Files of a package beyond this many are a mistake. */
const filesMax = 20_000;

/** Profiles with the value sets that stand beside them. */
export class Profiles {
  readonly valueSets = new ValueSets();
  readonly #profiles = new Map<string, Profile>();

  /** URLs, in alphabetical order. */
  get urls(): readonly string[] {
    return [...this.#profiles.keys()].sort();
  }

  /** By its canonical, with or without a version. */
  get(url: string): Profile | undefined {
    return this.#profiles.get(unversioned(url));
  }

  /** Takes a profile, a value set, a code system, or a Bundle of them; passes over all else. */
  add(resource: FhirValue): void {
    if (!isObject(resource)) return;
    const type = textAt(resource, 'resourceType');
    if (type === 'StructureDefinition' && isProfile(resource))
      this.#profiles.set(textAt(resource, 'url') ?? '', profileOf(resource));
    if (type === 'ValueSet' || type === 'CodeSystem') this.valueSets.add(resource);
    if (type === 'Bundle')
      for (const entry of objectsAt(resource, 'entry')) this.add(objectAt(entry, 'resource') ?? null);
  }
}

function isProfile(definition: FhirObject): boolean {
  return definition['derivation'] === 'constraint' && definition['kind'] !== 'logical';
}

/**
 * Reads the folder of a FHIR package (US Core, IPS): its JSON files, or those in its `package` folder. `misconfigured` with the
 * file that cannot be read.
 */
export function loadProfiles(folder: string): Profiles {
  const profiles = new Profiles();
  const names = namesOf(folder);
  const home = names.includes('package') ? join(folder, 'package') : folder;
  const files = namesOf(home).filter(
    (name) => name.endsWith('.json') && !/^(?:package|\.index)\.json$/.test(name),
  );
  if (files.length > filesMax)
    throw new EngineError(
      'misconfigured',
      'PROFILE_FOLDER_TOO_LARGE',
      `${home}: more than ${filesMax} files`,
    );
  for (const name of files.sort()) {
    const path = join(home, name);
    try {
      profiles.add(readJson(readFileSync(path, 'utf8')));
    } catch (cause) {
      const why = cause instanceof EngineError ? cause.message : 'it cannot be read';
      throw new EngineError('misconfigured', 'PROFILE_UNREADABLE', `${path}: ${why}`, { cause });
    }
  }
  return profiles;
}

function namesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new EngineError('misconfigured', 'PROFILE_FOLDER_MISSING', `${folder}: there is no such folder`, {
      cause,
    });
  }
}
