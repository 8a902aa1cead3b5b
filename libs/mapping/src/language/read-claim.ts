import { ExpressionMistake } from './expression-mistake.js';
import type { Place } from './place.js';
import type { Problems } from './problems.js';
import { textOf } from './read-keys.js';
import { parseXmlPath } from './xml-path.js';
import type { YamlNode } from './yaml-node.js';

const elementClaim = 'cda/';

export function isElementClaim({ text }: { readonly text: string }): boolean {
  return text.startsWith(elementClaim);
}

/** What a message map is for: messages, or documents and their parts. */
export function readClaim(item: YamlNode, problems: Problems): { text: string; place: Place }[] {
  const claim = textOf(item, 'for', problems);
  if (!claim || /^[A-Z0-9]{3}(?:\^[A-Z0-9]{3}|_[A-Z0-9]{3})?$/.test(claim.text)) return claim ? [claim] : [];
  if (isElementClaim(claim)) {
    const mistake = claimMistake(claim.text.slice(elementClaim.length));
    if (mistake === undefined) return [claim];
    problems.add(claim.place, 'MAPPING_FOR', mistake.message, mistake.remedy);
    return [];
  }
  problems.add(
    claim.place,
    'MAPPING_FOR',
    `'${claim.text}' names no message`,
    'write ORU^R01 (type and trigger), ORU_R01 (structure), cda/ClinicalDocument or cda/act[template=...]',
  );
  return [];
}

/** What is wrong with an element and its predicates. */
function claimMistake(text: string): Pick<ExpressionMistake, 'message' | 'remedy'> | undefined {
  try {
    const [only, ...others] = parseXmlPath(text, 0);
    if (only?.axis === 'child' && others.length === 0) return undefined;
    return { message: `'${text}' is no element`, remedy: 'write its name and predicates: act[template=...]' };
  } catch (error) {
    if (error instanceof ExpressionMistake) return error;
    throw error;
  }
}
