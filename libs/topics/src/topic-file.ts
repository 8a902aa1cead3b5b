import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import {
  type FileProblem,
  firstFiles,
  list,
  note,
  object,
  optional,
  placed,
  type Reading,
  required,
  scalar,
} from '#declaration';
import { isResourceType } from '#fhir';

/** Larger is no topic file. */
const MAX_FILE_BYTES = 64 * 1024;
const MAX_TOPICS = 200;

const text = (shape = 'text') =>
  scalar({ type: 'string' }, shape, (value) => (value === '' ? undefined : value));

const canonical = scalar(
  { type: 'string', format: 'uri' },
  'a canonical URL that begins with http:// or https:// and has no version',
  (value) => (/^https?:\/\/[^\s|#]+$/.test(value) && URL.canParse(value) ? value : undefined),
);

const resourceType = scalar({ type: 'string' }, 'a FHIR R4 resource type, such as Observation', (value) =>
  isResourceType(value) ? value : undefined,
);

const interaction = scalar({ enum: ['create', 'update', 'delete'] }, 'create, update or delete', (value) =>
  value === 'create' || value === 'update' || value === 'delete' ? value : undefined,
);

const inclusion = (example: string) =>
  list(placed(text(`Type:parameter or Type:parameter:Target, such as ${example}`)), 20);

const topicField = object({
  topic: required(canonical, 'the canonical URL by which subscribers name it'),
  title: required(text(), 'what it tells, in a few words'),
  description: optional(text(), 'when it tells that, in a sentence or two'),
  trigger: required(
    object({
      resource: required(resourceType, 'the resources that can trigger it'),
      interactions: required(list(interaction, 3), 'what must have happened to one'),
      when: optional(
        placed(text('a FHIRPath expression on %current and %previous')),
        'what must be true of %current, empty for a deletion, and %previous, empty for a new resource; default: anything',
      ),
    }),
    'what makes an event',
  ),
  filters: optional(
    list(placed(text('the name of a search parameter')), 50),
    'search parameters by which a subscription may narrow it; default none',
  ),
  shape: optional(
    object({
      include: optional(inclusion('Encounter:patient'), 'what the resource refers to, as _include'),
      revInclude: optional(inclusion('Observation:encounter'), 'what refers to it, as _revinclude'),
    }),
    'what goes along with the resource in a notification; default nothing',
  ),
});

/** A subscription topic as its file declares it. */
export type TopicFile = NonNullable<ReturnType<(typeof topicField)['read']>> & { readonly file: string };

/**
 * Reads every `*.yaml` in `directory`, which need not exist. A file with a mistake gives problems and no topic; the others
 * are not touched by it.
 */
export function readTopicFiles(directory: string): { topics: TopicFile[]; problems: FileProblem[] } {
  const problems: FileProblem[] = [];
  const topics = new Map<string, TopicFile>();
  const names = existsSync(directory) ? readdirSync(directory).filter((name) => /\.ya?ml$/.test(name)) : [];
  for (const name of firstFiles(directory, names, MAX_TOPICS, problems)) {
    const file = join(directory, name);
    const reading: Reading = { file, lines: new LineCounter(), problems: [], environment: {} };
    const topic = readTopic(readFileSync(file, 'utf8'), reading);
    if (topic !== undefined && topics.has(topic.topic))
      note(reading, undefined, 'TOPIC_TWICE', 'this topic stands in another file too', 'rename one of them');
    else if (topic !== undefined && reading.problems.length === 0)
      topics.set(topic.topic, { ...topic, file });
    problems.push(...reading.problems);
  }
  return { topics: [...topics.values()], problems };
}

function readTopic(source: string, reading: Reading) {
  if (Buffer.byteLength(source) > MAX_FILE_BYTES) {
    note(reading, undefined, 'TOPIC_FILE_TOO_LARGE', 'the file is larger than 64 KiB', 'it holds one topic');
    return undefined;
  }
  const document = parseDocument(source, { lineCounter: reading.lines, uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined || document.contents === null) {
    const place = { line: error?.linePos?.[0].line ?? 0, column: error?.linePos?.[0].col ?? 0 };
    const message = error?.message.split('\n')[0] ?? 'the file is empty';
    const remedy = 'correct the YAML';
    reading.problems.push({ file: reading.file, ...place, code: 'TOPIC_YAML_MALFORMED', message, remedy });
    return undefined;
  }
  return topicField.read(document.contents, reading);
}
