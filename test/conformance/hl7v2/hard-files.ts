import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConvertedCorpusFile } from '../corpus-files.js';

interface Fact {
  readonly parse: 'ok' | 'reject';
  readonly messages: number;
  readonly family?: string;
  readonly given?: string;
  readonly mrn?: string;
  readonly bad?: number;
  readonly obx?: number;
}

/** For each hard file whose bundle or report is not as its facts say, what is wrong. */
export function wrongHardFiles(
  corpus: string,
  files: readonly ConvertedCorpusFile[],
): { checked: number; wrong: string[] } {
  const path = join(corpus, '../ugly-facts.json');
  if (!existsSync(path)) return { checked: 0, wrong: [`${path} is missing`] };
  const facts = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Fact>;
  const mine = Object.entries(facts).filter(([file]) => file.startsWith('hl7v2/'));
  const byFile = new Map(files.map((one) => [`hl7v2/${one.file}`, one]));
  const wrong = mine.flatMap(([file, fact]) => {
    const one = byFile.get(file);
    const faults = one === undefined ? ['it was not converted'] : faultsOf(file, fact, one);
    return faults.map((fault) => `${file}: ${fault}`);
  });
  return { checked: mine.length, wrong };
}

function faultsOf(file: string, fact: Fact, { converted }: ConvertedCorpusFile): string[] {
  const { bundle, messages } = converted;
  const refused = messages.filter(({ refusal }) => refusal !== undefined);
  if (fact.parse === 'reject')
    return bundle === undefined && refused.length === messages.length ? [] : ['it is converted'];
  const faults: string[] = [];
  if (messages.length !== fact.messages) faults.push(`${messages.length} messages, not ${fact.messages}`);
  if (refused.length !== (fact.bad ?? 0))
    faults.push(
      `${refused.length} refused, not ${fact.bad ?? 0}: ${refused.map(({ refusal }) => refusal?.code).join(' ')}`,
    );
  // Nothing in the bytes says which set it is; a channel does.
  if (file.includes('shift-jis-undeclared')) return faults;
  const text = bundle ?? '';
  const wanted = file.includes('no-pid') ? [] : [fact.family, fact.given, fact.mrn];
  for (const value of wanted)
    if (value !== undefined && !text.includes(JSON.stringify(value)))
      faults.push(`${value} is not in the bundle`);
  return faults;
}
