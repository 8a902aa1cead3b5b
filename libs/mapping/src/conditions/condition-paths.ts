import type { CdaDocument } from '#cda';
import type { Message, Segment } from '#hl7v2';
import { holdsValue, textOfFound } from '../compile/xml-reader.js';
import type { PathExpression } from '../language/expression.js';
import { xmlWalk } from '../run/xml-select.js';
import type { PathValues } from './condition-test.js';

/** The values that a path has in a message: of every segment of its name, the first repetition unless it names another. */
export function messageReader(path: PathExpression): PathValues<Message> {
  const { name, field, filter } = path;
  const repetition = filter?.kind === 'index' ? filter.index : 1;
  const component = path.component || 1;
  const subcomponent = path.subcomponent || 1;
  const valueOf = (segment: Segment) =>
    field === 0 ? segment.name : segment.value(field, repetition, component, subcomponent);
  return counted((message) => {
    const values: string[] = [];
    for (const segment of message.segments) {
      if (segment.name !== name) continue;
      const value = valueOf(segment);
      if (value !== undefined && value !== null) values.push(value);
    }
    return values;
  });
}

/** The cells of a column, of all rows. */
export function columnReader({ name }: PathExpression): PathValues<Message> {
  return counted((message) => {
    const field = (message.columnNames?.indexOf(name) ?? -1) + 1;
    return field === 0 ? [] : message.segments.flatMap((segment) => segment.value(field) ?? []);
  });
}

/** What a path leads to from the root element of a document: elements and attributes that hold something. */
export function documentReader({ steps = [] }: PathExpression): PathValues<CdaDocument> {
  const walk = xmlWalk(steps);
  return {
    texts: (document) => {
      const texts: string[] = [];
      walk(document, document.root, (element, attribute) => {
        if (!holdsValue(document, element, attribute)) return false;
        const text = textOfFound(document, element, attribute);
        if (text !== undefined) texts.push(text);
        return false;
      });
      return texts;
    },
    count: (document) => {
      let count = 0;
      walk(document, document.root, (element, attribute) => {
        if (holdsValue(document, element, attribute)) count++;
        return false;
      });
      return count;
    },
  };
}

function counted<S>(texts: PathValues<S>['texts']): PathValues<S> {
  return { texts, count: (source) => texts(source).length };
}
