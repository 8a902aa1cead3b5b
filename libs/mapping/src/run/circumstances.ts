import type { Message } from '#hl7v2';
import type { MappingParameters } from '../mapping-result.js';

const parameterNumbers = new WeakMap<MappingParameters, number>();
let parameterSets = 0;

/** A channel keeps its parameters, so from here on the object stands for its content. */
function numberOf(parameters: MappingParameters): number {
  let number = parameterNumbers.get(parameters);
  if (number === undefined) {
    number = ++parameterSets;
    parameterNumbers.set(Object.freeze(parameters), number);
  }
  return number;
}

const circumstanceNumbers = new Map<string, number>();
let circumstanceCount = 0;
/** Senders choose their separators, so there might be many; a number that is forgotten is never given again. */
const circumstancesMax = 1_000;

function numbered(text: string): number {
  let number = circumstanceNumbers.get(text);
  if (number === undefined) {
    if (circumstanceNumbers.size === circumstancesMax) circumstanceNumbers.clear();
    number = ++circumstanceCount;
    circumstanceNumbers.set(text, number);
  }
  return number;
}

/**
 * The number of what a map can see of a message as a whole: tenant, parameters, separators, and whether it holds
 * what R4 forbids. Equal ones have equal numbers.
 */
export function circumstancesOf(
  message: Message,
  tenant: string,
  parameters: MappingParameters,
  unclean: boolean,
): number {
  const { field, encoding } = message.separators;
  // An escape (\Xdd..\) may name bytes, whose meaning the character set decides.
  const escapes = message.hasEscapes ? message.characterSet : '';
  const flags = `${escapes}\r${unclean ? 1 : 0}${field}${encoding}`;
  return numbered(`${tenant}\r${numberOf(parameters)}\r${flags}`);
}
