/**
 * What everybody has on the objects of one schema, in few grants.
 *
 * What most objects of a kind share becomes one grant on all of them, with exceptions for the few that lack it; what is
 * left is granted by name. Roles that have exactly the same share one entry.
 */
import { exactPattern } from "../../base/glob.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { PlainDocument } from "../model/profiles.ts";
import { SCHEMA_SELECTORS } from "../model/selectors.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { COLUMN_PRIVILEGES, knownTo, NO_PRIVILEGES, type PrivilegeSet, privilegeSet } from "../privileges/privilege.ts";
import { granteeWord, type Held, type Holdings, NOTHING, oneOrList, privilegeWords } from "./held.ts";

/** The kinds of a schema, in the words of the file. */
export const WORDS = [
  { word: "tables", exception: "table", selector: SCHEMA_SELECTORS.tables },
  { word: "sequences", exception: "sequence", selector: SCHEMA_SELECTORS.sequences },
  { word: "routines", exception: "routine", selector: SCHEMA_SELECTORS.routines },
  { word: "types", exception: "type", selector: SCHEMA_SELECTORS.types },
] as const;

type Word = (typeof WORDS)[number];

/** Three in five objects make the rule that the rest is an exception from; below that, names say it better. */
const MOST = 0.6;

/** Objects of a schema by kind, without those of extensions. */
export type SchemaObjects = ReadonlyMap<Word["word"], readonly CatalogObject[]>;

interface Entry {
  grantees: string[];
  /** Everything but who gets it. */
  what: Record<string, PlainDocument>;
}

export interface SchemaGrants {
  grants: PlainDocument[];
  exceptions: PlainDocument[];
}

export function describeGrants(
  schema: CatalogObject,
  objects: SchemaObjects,
  { snapshot, holdings }: { snapshot: Snapshot; holdings: Holdings },
): SchemaGrants {
  const described = new Grants();
  for (const [grantee, held] of holdings.of(schema, [])) {
    for (const { set, grantable } of byOption(held)) {
      for (const privilege of privilegeWords(set, -1)) described.onAll(grantee, grantable, { [privilege]: true });
    }
  }
  for (const word of WORDS) describeKind(word, objects.get(word.word) ?? [], { described, snapshot, holdings });
  describeColumns(objects.get("tables") ?? [], { described, holdings });
  return described.documents();
}

/** Collects entries, then joins those that differ in the grantee alone. */
class Grants {
  /** By grantee and option. */
  readonly #onAll = new Map<string, Entry>();
  readonly #named: Entry[] = [];
  readonly #columns = new Map<string, { grantee: string; grantable: boolean; tables: Record<string, PlainDocument> }>();
  readonly #exceptions: Entry[] = [];

  onAll(grantee: string, grantable: boolean, what: Record<string, PlainDocument>): void {
    const key = `${grantable} ${grantee}`;
    const entry = this.#onAll.get(key) ?? { grantees: [grantee], what: {} };
    entry.what = { ...entry.what, ...what, ...(grantable ? { grantable } : {}) };
    this.#onAll.set(key, entry);
  }

  onNamed(grantee: string, what: Record<string, PlainDocument>): void {
    this.#named.push({ grantees: [grantee], what });
  }

  onColumns(place: { grantee: string; grantable: boolean; table: string }, lists: PlainDocument): void {
    const { grantee, grantable, table } = place;
    const key = `${grantable} ${grantee}`;
    const entry = this.#columns.get(key) ?? { grantee, grantable, tables: {} };
    Object.defineProperty(entry.tables, exactPattern(table), { value: lists, enumerable: true });
    this.#columns.set(key, entry);
  }

  except(grantee: string, what: Record<string, PlainDocument>): void {
    this.#exceptions.push({ grantees: [grantee], what });
  }

  documents(): SchemaGrants {
    const columns = [...this.#columns.values()].map(({ grantee, grantable, tables }) => ({
      grantees: [grantee],
      what: { columns: tables, ...(grantable ? { grantable } : {}) },
    }));
    const grants = joined([...this.#onAll.values(), ...this.#named, ...columns]);
    return {
      grants: grants.map(({ grantees, what }) => ({ to: oneOrList(grantees.map(granteeWord)), ...what })),
      exceptions: joined(this.#exceptions).map(({ grantees, what }) => ({
        ...what,
        from: oneOrList(grantees.map(granteeWord)),
      })),
    };
  }
}

function joined(entries: readonly Entry[]): Entry[] {
  const byWhat = new Map<string, Entry>();
  for (const { grantees, what } of entries) {
    const key = JSON.stringify(what);
    const same = byWhat.get(key);
    if (same) same.grantees.push(...grantees);
    else byWhat.set(key, { grantees: [...grantees], what });
  }
  return [...byWhat.values()];
}

interface Describing {
  described: Grants;
  holdings: Holdings;
}

function describeKind(
  { word, exception, selector }: Word,
  objects: readonly CatalogObject[],
  { described, holdings, snapshot }: Describing & { snapshot: Snapshot },
): void {
  const everything = knownTo(privilegeSet(selector.privileges), snapshot.major);
  const words = (set: PrivilegeSet): string[] => privilegeWords(set, everything);
  const held = objects.map((object) => ({
    name: exactPattern(object.name),
    held: holdings.of(object, selector.publicByDefault),
  }));
  const grantees = [...new Set(held.flatMap((each) => [...each.held.keys()]))].sort();
  for (const grantee of grantees) {
    const states = statesOf(grantee, held);
    const base = baseOf(states, objects.length);
    for (const { set, grantable } of byOption(base)) described.onAll(grantee, grantable, { [word]: words(set) });
    for (const { state, names } of states) {
      const { missing, added } = distance(base, state);
      if (missing !== NO_PRIVILEGES)
        described.except(grantee, { [exception]: oneOrList(names), revoke: words(missing) });
      for (const { set, grantable } of byOption(added)) {
        const only = oneOrList(names);
        described.onNamed(grantee, { [word]: words(set), only, ...(grantable ? { grantable } : {}) });
      }
    }
  }
}

interface State {
  state: Held;
  names: string[];
}

/** What a grantee has on objects, with the objects where it is that; those where it has nothing included. */
function statesOf(grantee: string, objects: readonly { name: string; held: ReadonlyMap<string, Held> }[]): State[] {
  const states = new Map<string, State>();
  for (const { name, held } of objects) {
    const state = held.get(grantee) ?? NOTHING;
    const key = `${state.privileges} ${state.grantable}`;
    const same = states.get(key);
    if (same) same.names.push(name);
    else states.set(key, { state, names: [name] });
  }
  return [...states.values()];
}

/** What is granted on all objects: what most have, when every other can be reached from it. */
function baseOf(states: readonly State[], count: number): Held {
  const [most] = states.toSorted((a, b) => b.names.length - a.names.length);
  if (!most || most.names.length < count * MOST) return NOTHING;
  // An exception takes a privilege whole; the option alone cannot be taken.
  const isReachable = states.every(({ state }) => (most.state.grantable & state.privileges & ~state.grantable) === 0);
  return isReachable ? most.state : NOTHING;
}

function distance(base: Held, state: Held): { missing: PrivilegeSet; added: Held } {
  const grantable = state.grantable & ~base.grantable;
  return {
    missing: base.privileges & ~state.privileges,
    added: { privileges: (state.privileges & ~base.privileges) | grantable, grantable },
  };
}

/** What comes without and with the option to pass it on, which are grants apart. */
function byOption({ privileges, grantable }: Held): { set: PrivilegeSet; grantable: boolean }[] {
  return [
    { set: privileges & ~grantable, grantable: false },
    { set: grantable, grantable: true },
  ].filter(({ set }) => set !== NO_PRIVILEGES);
}

function describeColumns(tables: readonly CatalogObject[], { described, holdings }: Describing): void {
  for (const { name: table, owner, columns = new Map() } of tables) {
    const lists = new Map<string, Map<string, Record<string, string[]>>>();
    for (const [column, acl] of columns) {
      for (const [grantee, held] of holdings.ofList(acl, owner)) {
        for (const { set, grantable } of byOption(held)) {
          const key = grantable ? "grantable" : "";
          const byGrantee = lists.get(key) ?? new Map<string, Record<string, string[]>>();
          lists.set(key, byGrantee);
          const words = byGrantee.get(grantee) ?? {};
          byGrantee.set(grantee, words);
          for (const privilege of COLUMN_PRIVILEGES) {
            if ((set & privilegeSet([privilege])) === NO_PRIVILEGES) continue;
            words[privilege] = [...(words[privilege] ?? []), column];
          }
        }
      }
    }
    for (const [key, byGrantee] of lists) {
      for (const [grantee, words] of byGrantee) {
        described.onColumns({ grantee, grantable: key === "grantable", table }, words);
      }
    }
  }
}
