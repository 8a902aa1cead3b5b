import type { TypedValue } from '../../../../libs/search/testing/original-parameters.js';
import { type Chooser, escaped, type Matches, type Query } from './query.js';

/** References by R4 search, section 3.1.1.4.11; nothing of libs/search is used. */

type Part = Readonly<Record<string, unknown>>;

/** What a value of a reference parameter points to, as it is written. */
function addressOf({ type, value }: TypedValue): string | undefined {
  if (typeof value === 'string') return value;
  const { reference, resourceType, id } = value as Part;
  if (type === 'Reference') return reference as string | undefined;
  return resourceType === undefined || id === undefined
    ? undefined
    : `${resourceType as string}/${id as string}`;
}

/** Of a reference to a resource of this server: `Type/id`, perhaps with its version. */
const LOCAL = /^([A-Z]\w*)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;

function isLocal(type: string | undefined, id: string, version?: string): Matches {
  return (value) => {
    // A canonical or uri is no relative reference, whatever it looks like.
    const match = typeof value.value === 'string' ? null : LOCAL.exec(addressOf(value) ?? '');
    if (match === null || match[2] !== id) return false;
    return (type === undefined || match[1] === type) && (version === undefined || match[3] === version);
  };
}

/** A whole address; a canonical is found without its version too. */
function isElsewhere(url: string): Matches {
  return (value) => {
    const own = addressOf(value);
    return own !== undefined && (own === url || own.split('|')[0] === url);
  };
}

/** What is asked of a reference parameter that has `values` and may point to `targets`. */
export function referenceQueries(
  values: readonly TypedValue[],
  targets: readonly string[],
  chooser: Chooser,
  count: number,
): Query[] {
  const never = 'Patient/no-such-patient';
  const queries: Query[] = [{ modifier: '', text: never, matches: isLocal('Patient', 'no-such-patient') }];
  const ask = (text: string, matches: Matches, modifier = ''): void => {
    queries.push({ modifier, text, matches });
  };
  const only = targets.length === 1 ? targets[0] : undefined;
  for (const value of chooser.some(values, count)) {
    const address = addressOf(value);
    const [, type, id, version] = (typeof value.value === 'string' ? null : LOCAL.exec(address ?? '')) ?? [];
    if (type !== undefined && id !== undefined) {
      ask(id, isLocal(only, id));
      ask(`${type}/${id}`, only === undefined || only === type ? isLocal(type, id) : () => false);
      ask(id, isLocal(type, id), `:${type}`);
      ask(id, isLocal('Basic', id), ':Basic');
      if (version !== undefined && only === undefined)
        ask(`${type}/${id}/_history/${version}`, isLocal(type, id, version));
    } else if (address !== undefined && /^[a-z][\w+.-]*:/.test(address)) {
      const [plain = ''] = address.split('|');
      ask(escaped(address), isElsewhere(address));
      ask(escaped(plain), isElsewhere(plain));
      ask(escaped(`${plain}|no-such-version`), isElsewhere(`${plain}|no-such-version`));
    }
    const { system, value: own } = ((value.value as Part)['identifier'] ?? {}) as Part;
    if (typeof own === 'string') {
      const said = system as string | undefined;
      ask(
        `${said === undefined ? '' : escaped(said)}|${escaped(own)}`,
        hasIdentifier(said, own),
        ':identifier',
      );
    }
  }
  return queries;
}

function hasIdentifier(system: string | undefined, own: string): Matches {
  return ({ value }) => {
    const said = (value as Part)['identifier'] as Part | undefined;
    return said?.['value'] === own && said['system'] === system;
  };
}
