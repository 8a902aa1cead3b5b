import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { channelReference } from './channel-reference.js';
import { readRepository, repositoryRoot } from './repository.js';

const repository = readRepository();

test('docs/channels.md says what the loader of channel files declares (UPDATE_DOCS=1 writes it)', () => {
  const schema = JSON.parse(repository.get('mappings/schema/channel.schema.json') ?? '') as object;
  const reference = channelReference(schema);
  if (process.env['UPDATE_DOCS']) writeFileSync(join(repositoryRoot, 'docs/channels.md'), reference);
  else expect(repository.get('docs/channels.md')).toBe(reference);
});

test('keys of maps, lists and names of one’s own are told by the path that leads to them', () => {
  const text = channelReference({
    properties: {
      routes: {
        description: 'who gets what',
        items: { properties: { to: { description: 'a name' } }, required: ['to'] },
      },
      destinations: {
        additionalProperties: { properties: { mode: { enum: ['a', 'b'], description: 'how' } } },
      },
    },
    required: ['routes'],
  });
  expect(text).toContain('| `routes` | needed | who gets what |');
  expect(text).toContain('| `routes[].to` | needed | a name |');
  expect(text).toContain('| `destinations.<name>.mode` |  | how: `a`, `b` |');
});
