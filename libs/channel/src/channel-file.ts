import { list, object, optional, placed, record, required } from '#declaration';
import { choice, NAME, name, text } from './channel-values.js';
import { destination } from './destination-field.js';
import { source } from './source-field.js';

export const channelField = object({
  channel: required(name, 'name of the channel, unique in the folder'),
  owner: optional(text(), 'whom to call'),
  source: required(source, 'where messages enter'),
  order: optional(
    choice('per_patient', 'strict'),
    'strict: all messages of the channel one after the other; default per_patient',
  ),
  filter: optional(
    list(
      object({
        drop_when: required(
          placed(text("a condition, such as MSH-11.1 == 'T'")),
          'a condition on the message: on fields of HL7 v2, elements of a document or columns of rows',
        ),
        reason: required(text(), 'why; shown in trace'),
      }),
      100,
    ),
    'messages to drop, with the reason',
  ),
  transform: required(
    object({
      mapping: required(text('a folder of mappings'), 'folder of mappings, such as hl7v2'),
      layers: optional(
        list(placed(name), 20),
        'layers over the mappings, the highest last, such as [us, site-example]; folders under layers',
      ),
      with: optional(
        record(text(), /^[a-z][a-z0-9_]*$/),
        'parameters for the mapping, read there as channel.<name>',
      ),
    }),
    'how messages become FHIR',
  ),
  routes: optional(
    list(
      object({
        to: required(name, 'a destination of this file'),
        types: optional(list(text('a FHIR resource type'), 150), 'only messages that produce one of these'),
      }),
      100,
    ),
    'which destinations get the FHIR of a message; the store always gets it',
  ),
  destinations: optional(record(destination, NAME), 'where messages leave'),
});

/** The JSON Schema of channel files, for editors. mappings/schema/channel.schema.json holds it; a test compares. */
export function channelSchema(): Readonly<Record<string, unknown>> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://suture.invalid/schema/channel.schema.json',
    title: 'A channel of Suture: where messages enter, how they become FHIR, where they leave',
    ...channelField.schema,
  };
}

/** A channel as its file declares it: durations in milliseconds, sizes in bytes, references resolved to paths. */
export type ChannelFile = NonNullable<ReturnType<(typeof channelField)['read']>>;

/** The message types that the channel takes, whatever its source. */
export function acceptedBy({
  source: { mllp: one, directory: two, http: three, sftp: four },
}: ChannelFile): readonly string[] {
  return (one ?? two ?? three ?? four)?.accept ?? [];
}
