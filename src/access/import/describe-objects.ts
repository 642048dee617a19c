/** The database, what lives in no schema, and default privileges, in the words of a model's file. */
import { exactPattern } from "../../base/glob.ts";
import { BOOTSTRAP_OID, type DefaultAcl, type Snapshot } from "../catalog/snapshot.ts";
import { DATABASE_PRIVILEGES } from "../model/grammar.ts";
import type { PlainDocument } from "../model/profiles.ts";
import { DEFAULT_SELECTORS, entriesOf, OBJECT_SELECTORS, type Selector } from "../model/selectors.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { knownTo, NO_PRIVILEGES, type PrivilegeSet, privilegeSet } from "../privileges/privilege.ts";
import { granteeWord, type Held, type Holdings, oneOrList, privilegeWords } from "./held.ts";

export interface Describing {
  snapshot: Snapshot;
  holdings: Holdings;
}

export function describeDatabase({ snapshot, holdings }: Describing): PlainDocument | undefined {
  const database = snapshot.objects.database.find(({ oid }) => oid === snapshot.databaseOid);
  if (!database) return undefined;
  const held = holdings.of(database, ["connect", "temporary"]);
  const lists = DATABASE_PRIVILEGES.map((privilege) => {
    const bit = privilegeSet([privilege]);
    const grantees = [...held].filter(([, { privileges }]) => (privileges & bit) !== NO_PRIVILEGES);
    const words = grantees.map(([grantee, { grantable }]): PlainDocument => {
      return (grantable & bit) === NO_PRIVILEGES ? granteeWord(grantee) : { role: grantee, grantable: true };
    });
    return [privilege, words.length === 0 ? undefined : words] as const;
  });
  return {
    owner: database.owner,
    revoke_public: held.has(PUBLIC) ? undefined : true,
    ...Object.fromEntries(lists),
  };
}

/** Objects that are as every new cluster has them say nothing and are left out. */
export function describeGlobalObjects(describing: Describing): Record<string, PlainDocument> {
  const sections: Record<string, PlainDocument> = {};
  for (const [word, selector] of entriesOf<keyof typeof OBJECT_SELECTORS, Selector>(OBJECT_SELECTORS)) {
    const items = describeItems(selector, describing);
    if (items.length > 0) sections[word] = items;
  }
  return sections;
}

interface ItemGroup {
  names: string[];
  what: Record<string, PlainDocument | undefined>;
}

function describeItems(selector: Selector, { snapshot, holdings }: Describing): PlainDocument[] {
  const everything = knownTo(privilegeSet(selector.privileges), snapshot.major);
  const isBuiltIn = ({ acl, owner }: CatalogObject): boolean =>
    acl === undefined && (owner === undefined || snapshot.roles.get(owner)?.oid === BOOTSTRAP_OID);
  const items = new Map<string, ItemGroup>();
  for (const object of snapshot.objects[selector.kind]) {
    if (object.schema !== selector.schema || object.extension !== undefined || isBuiltIn(object)) continue;
    const held = holdings.of(object, selector.publicByDefault);
    const grants = [...held].flatMap(([grantee, each]) => grantDocuments(grantee, each, everything));
    const what = {
      owner: object.owner,
      revoke_public: held.has(PUBLIC) ? undefined : true,
      grants: grants.length > 0 ? grants : undefined,
    };
    const key = JSON.stringify(what);
    const same: ItemGroup = items.get(key) ?? { names: [], what };
    same.names.push(exactPattern(object.name));
    items.set(key, same);
  }
  return [...items.values()].map(({ names, what }) => ({ on: oneOrList(names), ...what }));
}

function grantDocuments(grantee: string, { privileges, grantable }: Held, everything: PrivilegeSet): PlainDocument[] {
  const to = granteeWord(grantee);
  const plain = privileges & ~grantable;
  return [
    ...(plain === NO_PRIVILEGES ? [] : [{ to, privileges: privilegeWords(plain, everything) }]),
    ...(grantable === NO_PRIVILEGES
      ? []
      : [{ to, privileges: privilegeWords(grantable, everything), grantable: true }]),
  ];
}

interface DefaultEntry {
  creator: string;
  schema: string | undefined;
  verb: "to" | "from";
  grantee: string;
  grantable: boolean;
  lists: Record<string, string[]>;
}

/** Entries that differ in one name alone are joined: first grantees, then schemas, then creators. */
export function describeDefaults({ snapshot, holdings }: Describing): PlainDocument[] {
  const entries = new Map<string, DefaultEntry>();
  const creators = [...snapshot.defaultAcls].filter(({ creator }) =>
    isDescribedCreator(creator, { snapshot, holdings }),
  );
  for (const acl of creators) {
    for (const { verb, grantee, grantable, set } of defaultParts(acl, holdings)) {
      const { creator, schema } = acl;
      const key = JSON.stringify([creator, schema, verb, grantee, grantable]);
      const entry = entries.get(key) ?? { creator, schema, verb, grantee, grantable, lists: {} };
      entry.lists[acl.on] = privilegeWords(
        set,
        knownTo(privilegeSet(DEFAULT_SELECTORS[acl.on].privileges), snapshot.major),
      );
      entries.set(key, entry);
    }
  }
  const grouped = [...entries.values()].map(({ creator, schema, verb, grantee, grantable, lists }) => ({
    creators: [creator],
    schemas: schema === undefined ? [] : [schema],
    grantees: [grantee],
    rest: { verb, grantable, lists },
  }));
  const joined = joinedBy(joinedBy(joinedBy(grouped, "grantees"), "schemas"), "creators");
  return joined.map(({ creators: makers, schemas, grantees, rest }) => ({
    for: oneOrList(makers),
    in: schemas.length === 0 ? undefined : oneOrList(schemas),
    [rest.verb]: oneOrList(grantees.map(granteeWord)),
    ...rest.lists,
    grantable: rest.grantable || undefined,
  }));
}

/** The bootstrap superuser makes objects in most databases, and what they give matters as much as anybody's. */
function isDescribedCreator(creator: string, { snapshot, holdings }: Describing): boolean {
  return holdings.isDescribed(creator) || snapshot.roles.get(creator)?.oid === BOOTSTRAP_OID;
}

/** Global lists replace the built-in ones, so what PUBLIC lacks there was taken away; those of schemas only add. */
function defaultParts({ creator, schema, on, acl }: DefaultAcl, holdings: Holdings) {
  const parts: { verb: "to" | "from"; grantee: string; grantable: boolean; set: PrivilegeSet }[] = [];
  const builtIn = schema === undefined ? privilegeSet(DEFAULT_SELECTORS[on].publicByDefault) : NO_PRIVILEGES;
  const held = holdings.ofList(acl, creator);
  for (const [grantee, { privileges, grantable }] of held) {
    const plain = privileges & ~grantable & (grantee === PUBLIC ? ~builtIn : ~NO_PRIVILEGES);
    if (plain !== NO_PRIVILEGES) parts.push({ verb: "to", grantee, grantable: false, set: plain });
    if (grantable !== NO_PRIVILEGES) parts.push({ verb: "to", grantee, grantable: true, set: grantable });
  }
  const taken = builtIn & ~(held.get(PUBLIC)?.privileges ?? NO_PRIVILEGES);
  if (taken !== NO_PRIVILEGES) parts.push({ verb: "from", grantee: PUBLIC, grantable: false, set: taken });
  return parts;
}

interface Grouped {
  creators: string[];
  schemas: string[];
  grantees: string[];
  rest: { verb: "to" | "from"; grantable: boolean; lists: Record<string, string[]> };
}

function joinedBy(entries: readonly Grouped[], field: "creators" | "schemas" | "grantees"): Grouped[] {
  const joined = new Map<string, Grouped>();
  for (const entry of entries) {
    // An entry for every schema has none to join with.
    const isWhole = field === "schemas" && entry.schemas.length === 0;
    const key = JSON.stringify([{ ...entry, [field]: isWhole }, isWhole]);
    const same = joined.get(key);
    if (same) same[field].push(...entry[field]);
    else joined.set(key, { ...entry, [field]: [...entry[field]] });
  }
  return [...joined.values()];
}
