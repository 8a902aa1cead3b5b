/** `Type/id` of every resource of this server that a resource refers to, whatever the element. */
export function referencesOf(resource: object): Set<string> {
  const found = new Set<string>();
  visit(resource, found);
  return found;
}

const REFERENCE = /^([A-Z][A-Za-z]{1,63}\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;

function visit(value: object, found: Set<string>): void {
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    if (typeof member === 'object' && member !== null) visit(member, found);
    else if (name === 'reference' && typeof member === 'string') {
      const key = REFERENCE.exec(member)?.[1];
      if (key !== undefined) found.add(key);
    }
  }
}
