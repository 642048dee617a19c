/**
 * A catalogue: one definition per file of a folder, found by name, loaded when used.
 *
 * `npm run catalogue` writes each catalogue folder's `index.ts`, which maps the public name (the file's name) to an
 * import that has not happened yet. A command that uses one member pays for one member.
 */

import type { ErrorCode } from "./errors.ts";
import { PgkeepError } from "./errors.ts";
import { nearestName } from "./suggest.ts";

/** Public name to lazy import of the definition. The shape of every generated catalogue index. */
export type CatalogueIndex<Definition> = Readonly<Record<string, () => Promise<{ default: Definition }>>>;

export interface Catalogue<Definition> {
  names(): string[];
  has(name: string): boolean;
  /** The definition called `name`. Throws the catalogue's own code, with a suggestion, when there is none. */
  load(name: string): Promise<Definition>;
}

/** `kind` names one member in messages ("authentication method"); `unknown` is the code of an unknown name. */
export function catalogueOf<Definition>(
  index: CatalogueIndex<Definition>,
  { kind, unknown }: { kind: string; unknown: ErrorCode },
): Catalogue<Definition> {
  const names = (): string[] => Object.keys(index).sort();
  return {
    names,
    has: (name) => Object.hasOwn(index, name),
    load: async (name) => {
      const load = Object.hasOwn(index, name) ? index[name] : undefined;
      if (load) return (await load()).default;
      const near = nearestName(name, names());
      throw new PgkeepError(unknown, `unknown ${kind} "${name}"`, {
        hint: near ? `Did you mean "${near}"?` : `Known: ${names().join(", ")}.`,
      });
    },
  };
}

/** A value for each of `names`. */
export function recordOf<Name extends string, Value>(
  names: readonly Name[],
  make: (name: Name) => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, Value>;
}
