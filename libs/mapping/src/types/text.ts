import { Decimal, type FhirObject } from '#fhir';
import type { Run } from '../run/run.js';
import { uriOf } from './code-systems.js';
import { type Convert, codeText, firstOfPart, type Level, partText, separatorOf } from './convert.js';
import { periodOf } from './period.js';
import type { Vocabulary } from './vocabulary.js';

/** ST, TX, FT and the like to string: the whole value. A stray separator in it belongs to the text. */
export function stringConvert(level: Level): Convert {
  return (run, start, end) => {
    if (level === 2) return run.subLeaf(start, end);
    return run.cut(start, end, run.componentCode) === end ? run.leaf(start, end) : run.whole(start, end);
  };
}

/** The text of the first component, for codes and numbers. */
function firstText(run: Run, start: number, end: number, level: Level): string | undefined {
  const to = run.cut(start, end, separatorOf(run, level));
  return level === 1 ? run.leaf(start, to) : run.subLeaf(start, to);
}

/** Unmarks what was read and could not be used: the account must show it. */
function unread(run: Run, start: number): undefined {
  run.unmark(start);
  return undefined;
}

export function decimalConvert(level: Level): Convert {
  return (run, start, end) => {
    const text = firstText(run, start, end, level);
    const value = text === undefined ? undefined : Decimal.parse(text);
    return value ?? unread(run, start);
  };
}

export function integerConvert(least: number, level: Level): Convert {
  return (run, start, end) => {
    const text = firstText(run, start, end, level);
    const value =
      text === undefined || !/^[+-]?\d{1,10}(?:\.0*)?$/.test(text) ? Number.NaN : Math.trunc(Number(text));
    return value >= least && value <= 2_147_483_647 ? value : unread(run, start);
  };
}

/** Codes of tables 0136 and 0532 to boolean. */
export function booleanConvert(vocabulary: Vocabulary, level: Level): Convert {
  return (run, start, end) => {
    const text = firstOfPart(run, start, end, 1, level);
    const target = text === undefined ? undefined : vocabulary.translate('yes-no', text);
    if (target === 'true') return true;
    return target === 'false' ? false : unread(run, start);
  };
}

export function plainCodeTextConvert(level: Level): Convert {
  return (run, start, end) => {
    const text = firstText(run, start, end, level);
    return text === undefined ? undefined : codeText(text);
  };
}

/** The first component as it is. */
export function plainTextConvert(level: Level): Convert {
  return (run, start, end) => firstText(run, start, end, level);
}

export function uriConvert(level: Level): Convert {
  return (run, start, end) => {
    const text = firstText(run, start, end, level);
    if (text === undefined) return undefined;
    return uriOf(text) ?? (/^\S+$/.test(text) ? text : unread(run, start));
  };
}

/** Text to Annotation. */
export function annotationConvert(level: Level): Convert {
  const text = stringConvert(level);
  return (run, start, end) => {
    const value = text(run, start, end) as string | undefined;
    return value === undefined ? undefined : { text: value };
  };
}

/** DR to Period. */
export function periodConvert(level: Level): Convert {
  return (run, start, end) => {
    const from = partText(run, start, end, 1, level);
    const to = partText(run, start, end, 2, level);
    return periodOf(run, from, to);
  };
}

const mediaTypes: Readonly<Record<string, string>> = {
  AP: 'application',
  AU: 'audio',
  FT: 'text',
  IM: 'image',
  TX: 'text',
  TEXT: 'text',
  SI: 'image',
  NS: 'image',
  SD: 'text',
  MULTIPART: 'multipart',
};
const subtypes: Readonly<Record<string, string>> = {
  'OCTET-STREAM': 'octet-stream',
  PDF: 'pdf',
  TIF: 'tiff',
  JPG: 'jpeg',
  RTF: 'rtf',
  TXT: 'plain',
  TEXT: 'plain',
  HTM: 'html',
  DOC: 'msword',
};

/** The media type that a type of data and a subtype make; undefined when they make none. */
function mediaType(type: string | undefined, subtype: string | undefined): string | undefined {
  if (subtype?.includes('/')) return subtype.toLowerCase();
  if (type?.includes('/')) return type.toLowerCase();
  if (type === undefined && subtype === undefined) return undefined;
  const minor =
    subtype === undefined ? undefined : (subtypes[subtype.toUpperCase()] ?? subtype.toLowerCase());
  const major = type === undefined ? undefined : (mediaTypes[type.toUpperCase()] ?? type.toLowerCase());
  if (minor === undefined) {
    // PDF and the like are sent as the type itself.
    if (type !== undefined && /^(?:pdf|rtf|zip)$/i.test(type)) return `application/${type.toLowerCase()}`;
    return major === 'text' ? 'text/plain' : undefined;
  }
  if (minor === 'pdf' || minor === 'msword') return `application/${minor}`;
  const known = ['application', 'audio', 'image', 'text', 'video', 'multipart'];
  const text = `${major !== undefined && known.includes(major) ? major : 'application'}/${minor}`;
  return /^[a-z]+\/[a-z0-9.+-]+$/.test(text) ? text : undefined;
}

/** ED to Attachment: the data as base64, whatever its encoding was. */
export function attachmentConvert(level: Level): Convert {
  return (run, start, end) => {
    const source = partText(run, start, end, 1, level);
    const type = partText(run, start, end, 2, level);
    const subtype = partText(run, start, end, 3, level);
    const encoding = partText(run, start, end, 4, level);
    const data = partText(run, start, end, 5, level);
    const attachment: FhirObject = {};
    const media = mediaType(type, subtype);
    const bytes = data === undefined ? undefined : toBase64(data, encoding);
    // R4 att-1: data has a type.
    if (media !== undefined || bytes) attachment['contentType'] = media ?? 'application/octet-stream';
    if (bytes !== undefined && bytes !== '') attachment['data'] = bytes;
    const title = source ?? (media === undefined ? (subtype ?? type) : undefined);
    if (title !== undefined) attachment['title'] = title;
    return bytes === undefined ? undefined : attachment;
  };
}

function toBase64(data: string, encoding: string | undefined): string | undefined {
  const compact = data.replace(/\s+/g, '');
  switch (encoding?.toUpperCase()) {
    case 'A':
      return Buffer.from(data, 'utf8').toString('base64');
    case 'HEX':
      return /^(?:[0-9a-f]{2})+$/i.test(compact) ? Buffer.from(compact, 'hex').toString('base64') : undefined;
    default:
      // Base64 is the usual encoding, named or not; what is none is text.
      return /^[A-Za-z0-9+/]+={0,2}$/.test(compact) && compact.length % 4 === 0
        ? compact
        : Buffer.from(data, 'utf8').toString('base64');
  }
}

/** RP to Attachment: where the data is. */
export function pointerConvert(level: Level): Convert {
  return (run, start, end) => {
    const pointer = partText(run, start, end, 1, level);
    if (pointer === undefined) return undefined;
    const application = firstOfPart(run, start, end, 2, level);
    const media = mediaType(partText(run, start, end, 3, level), partText(run, start, end, 4, level));
    const attachment: FhirObject = {};
    if (media !== undefined) attachment['contentType'] = media;
    if (/^\S+$/.test(pointer)) attachment['url'] = pointer;
    const title = application ?? (attachment['url'] === undefined ? pointer : undefined);
    if (title !== undefined) attachment['title'] = title;
    return attachment;
  };
}
