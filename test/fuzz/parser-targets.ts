import { type CdaDocument, parseDocument } from '#cda';
import { CsvReader, readUnit } from '#csv';
import { FrameCutter, type Message, parseMessage, splitBatch } from '#hl7v2';
import type { Random } from './mutate-bytes.js';

/** A parser, and what it is fed with. */
export interface ParserTarget {
  /** Files below test/fixtures whose beginnings are damaged. */
  readonly fixtures: RegExp;
  readonly samples: readonly string[];
  /** What a damage may put in. */
  readonly signs: readonly string[];
  readonly seam: string;
  /** What may stand behind a seam. */
  readonly parts: readonly string[];
  /** Reads the input to its last value. Throws EngineError for what it refuses, anything else for what is broken. */
  read(input: Buffer, random: Random): void;
}

function demand(holds: boolean, claim: string): void {
  if (!holds) throw new Error(`broken: ${claim}`);
}

function readMessage(message: Message): void {
  let last = -1;

  message.eachLeaf((segment, field, repetition, component, subcomponent, start, end) => {
    demand(start > last && end > start, 'leaves stand one after the other');
    last = start;
    segment.value(field, repetition, component, subcomponent);
  });
  if (last >= 0) demand(message.pathAt(last) !== undefined, 'a leaf has a path');
}

function readDocument(document: CdaDocument): void {
  const starts = new Set<number>();
  document.eachLeaf((element, leaf) => {
    demand(!starts.has(leaf.start), 'every leaf has a place of its own');
    starts.add(leaf.start);
    document.value(leaf);
    if (starts.size === 1) demand(document.path(element, leaf) !== '', 'a leaf has a path');
  });
}

/** Cuts the input into a few pieces, as a socket or a disk would. */
function* pieces(input: Buffer, random: Random): Generator<Buffer> {
  let at = 0;
  while (at < input.length) {
    const to = random() < 0.5 ? input.length : at + 1 + Math.floor(random() * (input.length - at));
    yield input.subarray(at, to);
    at = to;
  }
}

function readFrames(input: Buffer, random: Random): void {
  const cutter = new FrameCutter(1_000_000);
  for (const piece of pieces(input, random))
    for (const event of cutter.push(piece)) demand('kind' in event, 'an event has a kind');
}

function readRows(input: Buffer, random: Random): void {
  const reader = new CsvReader({ takesUnknown: true });
  let rows = 0;
  const take = (parts: ReturnType<CsvReader['push']>) => {
    for (const part of parts) {
      rows += part.rows;
      if (!part.fault)
        demand((readUnit(part.raw)?.rows.length ?? 0) === part.rows, 'a unit has the rows that were put in');
    }
  };
  for (const piece of pieces(input, random)) take(reader.push(piece));
  take(reader.end());
  demand(rows === reader.rows, 'every row is counted once');
}

export const parserTargets: Readonly<Record<'hl7v2' | 'cda' | 'csv', ParserTarget>> = {
  hl7v2: {
    fixtures: /hl7v2.*\.hl7$/,
    samples: [
      'MSH|^~\\&|A|B|C|D|20260101||ORU^R01|1|P|2.5.1\rPID|1||7^^^H^MR||N&X^G~N2^G2\rOBX|1|NM|1^A||5.0|mg||||F\r',
    ],
    signs: [
      '|',
      '^',
      '~',
      '\\',
      '&',
      '\r',
      '\n',
      '\r\n',
      '\0',
      '\x0b',
      '\x1c\r',
      'MSH|',
      'BHS|^~\\&|',
      'BTS|9',
      'FHS|^~\\&',
      'FTS|1',
      'OBX|',
      '""',
      '\\X0D\\',
      '\\E\\',
      '\\.br\\',
      '\\Z',
      '\ufeff',
      '\xff',
      '||||||||',
      '|UNICODE UTF-8|',
      '8859/1',
      'ISO IR87~ASCII',
      'ZZZ|',
    ],
    seam: '\r',
    parts: [
      'OBX|2|ST|2^B||a~b||||||F\r',
      'NTE|1||\\.br\\x\\H\\\r',
      'ZZZ|1^2&3~4\r',
      '\r',
      'PID|2||""^""\r',
      'OBX||SN|1||^5^-^6\r',
      'PV1|||||||||||||||||||||||||||||||||||||||||||||1\r',
      'MSH|^~\\&|2\r',
      'X\r',
    ],
    read: (input, random) => {
      readFrames(input, random);
      for (const raw of splitBatch(input).messages) readMessage(parseMessage(raw));
      readMessage(parseMessage(input));
    },
  },
  cda: {
    // Half a document is none: only whole ones.
    fixtures: /^$/,
    samples: [
      '<a><b>c</b></a>',
      '<hl7:section xmlns:hl7="urn:hl7-org:v3">\r\n <hl7:text mediaType="text/x-hl7-text+xml">x<hl7:list><hl7:item>y &#228;</hl7:item></hl7:list></hl7:text></hl7:section>',
      '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc"><id root="1.2" extension="x"/><title>A &amp; B</title><component><section><text>a<br/><b ID="x">c</b><![CDATA[<d>]]></text><entry><act sdtc:a="1"><value xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="CD"/></act></entry></section></component></ClinicalDocument>',
    ],
    signs: [
      '<',
      '>',
      '/>',
      '</',
      '<a>',
      '</a>',
      '<a b="c"',
      '&',
      '&amp;',
      '&#x0;',
      '&#55296;',
      '&#x10FFFF;',
      '&lol;',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?x',
      '?>',
      '<!DOCTYPE a [',
      '<!ENTITY a "b">',
      'xmlns=""',
      'xmlns:x="y" ',
      ' x:y="z"',
      '"',
      "'",
      '=',
      '\0',
      '\ufeff',
      '\xff\xfe',
      ' encoding="utf-16"',
      ' encoding="x"',
      '\ud800',
      '<text>',
      '<section>',
    ],
    seam: '>',
    parts: [
      '<a b="c">d</a>',
      '<!-- > -->',
      '<?x y>?>',
      '&amp;',
      '&#x41;',
      ' ',
      '\r\n',
      '<text/>',
      '<![CDATA[<]]>',
      '<x:y xmlns:x="u" x:z="1"/>',
      '<section xmlns="urn:hl7-org:v3"><text>a <b>c</b> d</text></section>',
      '<value a=" "  b = \'"\' />',
      '<a ID="x"/>',
      '\u00e4\u{1f600}',
    ],
    read: (input) => {
      readDocument(parseDocument(input));
    },
  },
  csv: {
    fixtures: /csv.*\.(csv|txt|tsv|psv)$/,
    samples: [
      'patient_id,name,"birth, date",result\r\n1,"A ""b""",1970-01-02,5.0\r\n2,C,03/04/1980,\r\n',
      'a;b;c\n1,5;"x\ny";\n2;;3\n',
      'a\tb\n1\t2\n3\t4\n',
      "a|b|c\n'1'|'2|3'|4\n",
    ],
    signs: [
      ',',
      ';',
      '\t',
      '|',
      '"',
      "'",
      '""',
      '\n',
      '\r',
      '\r\n',
      '\0',
      '#',
      '\ufeff',
      '\xff\xfe',
      '\xe4',
      '\u00e4',
      ',,,,,,,,',
      '"\n"',
      '1,234.5',
      '03.04.2020',
      'TOTAL',
      ' ',
    ],
    seam: '\n',
    parts: [
      '1,2,3,4\n',
      '1;2\n',
      '"a\nb",2\r\n',
      '\n',
      '#x\n',
      '"a""b",,\n',
      'a\tb\n',
      ',,,\n',
      '1,"2",3,"4"\n',
      ' "x" , y \n',
    ],
    read: readRows,
  },
};
