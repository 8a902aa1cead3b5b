import { fieldType } from '../dictionary/v2-dictionary.js';
import type { DropRule } from '../language/mapping-file.js';
import { droppedPart } from '../types/dropped-parts.js';

/** A drop rule as the account needs it. */
export interface Drop {
  readonly rule: string;
  readonly reason: string;
}

interface Entry extends Drop {
  readonly component: number;
  readonly subcomponent: number;
}

/** What the conversion of the field's type leaves out wherever it stands. */
function dropOfType(segment: string, field: number, component: number): Drop | undefined {
  const type = fieldType(segment, field)?.type ?? '';
  const reason = droppedPart(type, component);
  return reason === undefined ? undefined : { rule: `${type}/drop ${type}.${component}`, reason };
}

/** The drop rules of all maps that took part. A rule for a field covers its components; the most exact one answers. */
export class DropTable {
  readonly #entries = new Map<string, Entry[]>();

  add(map: string, rules: readonly DropRule[]): void {
    for (const { path, text, reason } of rules) {
      const key = `${path.name}-${path.field}`;
      const list = this.#entries.get(key) ?? [];
      if (
        list.some((entry) => entry.component === path.component && entry.subcomponent === path.subcomponent)
      )
        continue;
      list.push({
        component: path.component,
        subcomponent: path.subcomponent,
        rule: `${map}/drop ${text}`,
        reason,
      });
      list.sort((a, b) => b.component - a.component || b.subcomponent - a.subcomponent);
      this.#entries.set(key, list);
    }
  }

  find(segment: string, field: number, component: number, subcomponent: number): Drop | undefined {
    return (
      this.#match(`${segment}-${field}`, component, subcomponent) ??
      this.#match(`${segment}-0`, 0, 0) ??
      dropOfType(segment, field, component)
    );
  }

  #match(key: string, component: number, subcomponent: number): Drop | undefined {
    return this.#entries
      .get(key)
      ?.find(
        (entry) =>
          (entry.component === 0 || entry.component === component) &&
          (entry.subcomponent === 0 || entry.subcomponent === subcomponent),
      );
  }
}
