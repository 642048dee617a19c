/**
 * Grants and revokes on objects: the changes of every governed list, gathered into as few statements as say the same.
 *
 * Objects that share list, owner and wish share one answer. Equal changes of many objects become one statement per
 * hundred of them, or one for the whole schema when it is about everything in it.
 */
import { tameLine } from "../../base/tame.ts";
import { ident } from "../../pg/identifiers.ts";
import { isExactPattern } from "../model/object-pattern.ts";
import { type Acl, PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject, ObjectKind } from "../privileges/catalog-object.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import { type Grant, type ListChanges, listChanges, type Revocation } from "./acl-changes.ts";
import { type GrantPlanning, touchedBy, wayOfGrantor, wayOfOwner } from "./acting.ts";
import { planColumns } from "./columns.ts";
import { type Difference, STEP, type Way } from "./draft.ts";
import { aclText, granteeSql, objectText, privilegesText, roleText } from "./naming.ts";
import { Wish } from "./resolve.ts";
import { lendReach } from "./schema-reach.ts";

/** 100 objects: a statement stays readable, and ten times fewer of them run as fast as one for all. */
export const OBJECTS_PER_STATEMENT = 100;

/** Objects of the kinds that hold others come last, so that who acts can still reach what is in them. */
const HOLDERS: ReadonlySet<ObjectKind> = new Set(["schema", "database"]);
const LAST_RANK = 500_000;

export function planGrants(planning: GrantPlanning): void {
  const { facts, present, resolver } = planning;
  const answers = new Answers(planning);
  const retirees = new Retirees(planning);
  for (const kind of facts.kinds.values()) {
    const groups = new Groups();
    const objects = kind.name === "parameter" ? withUnlisted(planning) : present.of(kind.name);
    for (const object of objects) {
      const isGoverned = resolver.isGoverned(object);
      if (!isGoverned && !retirees.leaves(object)) continue;
      const list = isGoverned ? resolver.wish(object).list : NO_WISH;
      const changes = answers.of(object, list);
      planning.book.unchanged += changes.unchanged;
      groups.add(object, changes);
      if (kind.name === "table" && isGoverned) planColumns(object, changes, planning);
    }
    const total = kind.allInSchema === undefined ? new Map<string, number>() : countBySchema(objects);
    for (const group of groups.all()) planGroup(group, { kind, total, planning });
  }
}

/** For lists that the model does not govern: nothing is wished and nothing taken. */
const NO_WISH = new Wish(() => false);

/** Entries of roles that shall be gone which DROP OWNED would leave, wherever they are. */
class Retirees {
  readonly #names: readonly string[];

  constructor({ facts }: GrantPlanning) {
    this.#names = [...facts.model.roles.keys()].filter((name) => facts.isRetiring(name));
  }

  leaves({ acl, owner }: CatalogObject): boolean {
    if (this.#names.length === 0 || acl === undefined) return false;
    return acl.some(({ grantee, grantor }) => grantor !== owner && this.#names.includes(grantee));
  }
}

/** Parameters that nobody was granted are in no catalog; those that the model names exactly are there all the same. */
function withUnlisted({ facts, present }: GrantPlanning): readonly CatalogObject[] {
  const listed = present.of("parameter");
  if (facts.major < 15) return listed;
  const known = new Set(listed.map(({ name }) => name));
  const named = facts.model.governed.filter(({ kind }) => kind === "parameter").flatMap(({ patterns }) => patterns);
  const missing = new Set(named.filter((name) => isExactPattern(name) && !known.has(name)));
  const made = [...missing].map(
    (name): CatalogObject => ({
      kind: "parameter",
      oid: 0,
      schema: undefined,
      name,
      sql: name.split(".").map(ident).join("."),
      owner: undefined,
      acl: undefined,
    }),
  );
  return [...listed, ...made];
}

function countBySchema(objects: readonly CatalogObject[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { schema = "" } of objects) counts.set(schema, (counts.get(schema) ?? 0) + 1);
  return counts;
}

/** The changes of a list, remembered by list, owner and wish. */
class Answers {
  readonly #planning: GrantPlanning;
  readonly #known = new Map<Acl, Map<Wish, Map<string, ListChanges>>>();

  constructor(planning: GrantPlanning) {
    this.#planning = planning;
  }

  of(object: CatalogObject, wish: Wish): ListChanges {
    const { facts, present } = this.#planning;
    const acl = present.list(object);
    const owner = object.owner ?? facts.bootstrap;
    const byWish = this.#known.get(acl) ?? new Map<Wish, Map<string, ListChanges>>();
    this.#known.set(acl, byWish);
    const byOwner = byWish.get(wish) ?? new Map<string, ListChanges>();
    byWish.set(wish, byOwner);
    let changes = byOwner.get(owner);
    if (!changes) {
      changes = listChanges({
        acl,
        owner,
        wish,
        cascade: facts.options.cascade === true,
        isRetiring: (role) => facts.isRetiring(role),
        willExist: (role) => facts.willExist(role),
      });
      byOwner.set(owner, changes);
    }
    return changes;
  }
}

type Change = { revocation: Revocation } | { grant: Grant };

interface Group {
  change: Change;
  owner: string | undefined;
  schema: string | undefined;
  objects: CatalogObject[];
}

/** Equal changes together. The same change object means equal without looking. */
class Groups {
  readonly #byKey = new Map<string, Group>();
  readonly #keys = new Map<Revocation | Grant, string>();

  add(object: CatalogObject, { revocations, grants }: ListChanges): void {
    for (const revocation of revocations) this.#put(object, revocation, { revocation });
    for (const grant of grants) this.#put(object, grant, { grant });
  }

  #put(object: CatalogObject, about: Revocation | Grant, change: Change): void {
    let key = this.#keys.get(about);
    if (key === undefined) {
      key = JSON.stringify([Object.keys(change), about]);
      this.#keys.set(about, key);
    }
    const whole = `${key} ${object.owner ?? ""} ${object.schema ?? ""}`;
    const group = this.#byKey.get(whole);
    if (group) group.objects.push(object);
    else this.#byKey.set(whole, { change, owner: object.owner, schema: object.schema, objects: [object] });
  }

  all(): Iterable<Group> {
    return this.#byKey.values();
  }
}

interface GroupPlanning {
  kind: PrivilegeKind;
  /** How many objects each schema has. */
  total: ReadonlyMap<string, number>;
  planning: GrantPlanning;
}

function planGroup(group: Group, { kind, total, planning }: GroupPlanning): void {
  // Of a schema that is governed object by object the picture holds a part, and "all" would mean the rest as well.
  const isWhole =
    kind.allInSchema !== undefined &&
    group.objects.length > 1 &&
    planning.facts.model.schemas.has(group.schema ?? "") &&
    total.get(group.schema ?? "") === group.objects.length;
  const size = isWhole ? group.objects.length : OBJECTS_PER_STATEMENT;
  for (let at = 0; at < group.objects.length; at += size) {
    const objects = group.objects.slice(at, at + size);
    const target = isWhole
      ? `${kind.allInSchema?.toLowerCase()} in schema ${ident(group.schema ?? "")}`
      : `${kind.keyword.toLowerCase()} ${objects.map(({ sql }) => sql).join(", ")}`;
    const part = { ...group, objects, target, kind };
    if ("grant" in group.change) planGrant(part, group.change.grant, planning);
    else planRevocation(part, group.change.revocation, planning);
  }
}

interface Part extends Group {
  /** As it stands after ON. */
  target: string;
  kind: PrivilegeKind;
}

function planGrant(part: Part, grant: Grant, planning: GrantPlanning): void {
  const { grantee, privileges, withOption, optionOnly } = grant;
  const way = wayOfOwner(part, privileges, planning);
  const names = privilegesText(privileges);
  const to = granteeSql(grantee);
  const sql = `grant ${names} on ${part.target} to ${to}${withOption ? " with grant option" : ""}`;
  const common = { sql, object: partText(part), role: grantee, touches: touchedBy(part.objects) };
  const missing = { difference: "missing", role: grantee, wanted: names, found: undefined } as const;
  const differences = differencesOf(part, missing);
  if (!way.isOpen) {
    planning.book.block({ ...common, reason: "the model grants it", needs: way.needs, differences });
    return;
  }
  lendReach(part, { way, actor: part.owner, step: STEP.grants }, planning);
  planning.book.add({
    ...common,
    step: STEP.grants,
    rank: rankOf(part, 0),
    kind: "grant",
    reason: optionOnly ? "the model lets it be passed on" : "the model grants it",
    requires: way.requires,
    as: way.as,
    inverse: `revoke ${optionOnly ? "grant option for " : ""}${names} on ${part.target} from ${to}`,
    ...(grantee === PUBLIC ? { risk: "medium", riskReason: "everybody gets it" } : {}),
    differences,
  });
}

function planRevocation(part: Part, revocation: Revocation, planning: GrantPlanning): void {
  const { grantee, grantor, chain, depth, optionOnly } = revocation;
  const taking = takingOf(part, revocation, planning);
  const { isOwners, names, sql, reason } = taking;
  const common = {
    object: partText(part),
    role: grantee,
    touches: touchedBy(part.objects),
    differences: differencesOf(part, {
      difference: "extra",
      role: grantee,
      wanted: undefined,
      found: optionOnly ? `${names} with grant option` : names,
    }),
  };
  const way = wayToTake(taking, planning);
  if (!way.isOpen) {
    const why = way.besides === undefined ? reason : `${reason}; ${way.besides}`;
    planning.book.block({ ...common, sql: isOwners ? sql : withGrantor(sql, grantor), reason: why, needs: way.needs });
    return;
  }
  lendReach(part, { way, actor: isOwners ? part.owner : grantor, step: STEP.revokes }, planning);
  planning.book.add({
    ...common,
    sql,
    step: STEP.revokes,
    rank: rankOf(part, -depth),
    kind: "revoke",
    reason: chain.length > 0 ? `${reason}; goes with it: ${aclText(chain)}` : reason,
    requires: way.requires,
    as: way.as,
    inverse: inverseOfRevocation(taking),
    ...(chain.length > 0
      ? { risk: "high", riskReason: "other roles lose what they were granted through it" }
      : { risk: "medium", riskReason: "whoever relies on it is refused from then on" }),
  });
}

/** A revocation as it is written. */
interface Taking {
  part: Part;
  revocation: Revocation;
  /** The owner granted what is taken. */
  isOwners: boolean;
  names: string;
  /** As it stands after FROM, without CASCADE. */
  from: string;
  sql: string;
  reason: string;
}

function takingOf(part: Part, revocation: Revocation, planning: GrantPlanning): Taking {
  const { grantee, grantor, privileges, optionOnly } = revocation;
  const isOwners = grantor === (part.owner ?? planning.facts.bootstrap);
  const names = privilegesText(privileges);
  const from = granteeSql(grantee);
  const option = optionOnly ? "grant option for " : "";
  const sql = `revoke ${option}${names} on ${part.target} from ${from}${cascades(revocation) ? " cascade" : ""}`;
  const reason = revocationReason({ grantee, grantor, isOwners, optionOnly }, planning);
  return { part, revocation, isOwners, names, from, sql, reason };
}

function cascades({ chain, blockedBy }: Revocation): boolean {
  return chain.length > 0 || blockedBy.length > 0;
}

/** `besides`: what the reason of a blocked revocation has to add. */
function wayToTake(
  { part, revocation, isOwners }: Taking,
  planning: GrantPlanning,
): Extract<Way, { isOpen: true }> | (Closed & { besides?: string }) {
  const { grantor, blockedBy, restsOn } = revocation;
  if (blockedBy.length > 0) {
    return { isOpen: false, needs: "--cascade", besides: `what it passed on would go with it: ${aclText(blockedBy)}` };
  }
  const way = isOwners ? wayOfOwner(part, undefined, planning) : wayOfGrantor(grantor, part, planning);
  if (!way.isOpen) return way;
  // Without CASCADE the server refuses to take what still carries others.
  const passing = cascades(revocation) ? [] : restsOn.map((role) => wayOfGrantor(role, part, planning));
  const stuck = passing.find((each): each is Closed => !each.isOpen);
  return stuck ? { ...stuck, besides: "what was passed on has to go first" } : way;
}

type Closed = Extract<Way, { isOpen: false }>;

function inverseOfRevocation({ part: { target }, revocation, names, from }: Taking): string {
  const { privileges, grantable, optionOnly } = revocation;
  const plain = `grant ${names} on ${target} to ${from}`;
  if (optionOnly || grantable === privileges) return `${plain} with grant option`;
  if (grantable === 0) return plain;
  return `${plain};\ngrant ${privilegesText(grantable)} on ${target} to ${from} with grant option`;
}

function revocationReason(
  {
    grantee,
    grantor,
    isOwners,
    optionOnly,
  }: { grantee: string; grantor: string; isOwners: boolean; optionOnly: boolean },
  { facts }: GrantPlanning,
): string {
  const what =
    facts.options.reason ?? (optionOnly ? "the model does not let it be passed on" : "the model does not grant it");
  const who =
    facts.options.reason === undefined && grantee !== PUBLIC && !facts.model.roles.has(grantee)
      ? "; the role is not in the model"
      : "";
  return `${what}${who}${isOwners ? "" : `; ${roleText(grantor)} granted it`}`;
}

/** The text for an administrator, who has to be the grantor for it to take effect. */
function withGrantor(sql: string, grantor: string): string {
  return `set role ${ident(grantor)}; ${sql}; reset role`;
}

/** What is nearer to the objects first: revokes inside before those on the schema, grants as well. */
function rankOf({ kind }: Part, within: number): number {
  return (HOLDERS.has(kind.name) ? LAST_RANK : 0) + within;
}

function partText({ objects, kind, schema }: Part): string {
  const [first] = objects;
  if (first && objects.length === 1) return objectText(first);
  const where = schema === undefined ? "" : ` of schema ${tameLine(ident(schema))}`;
  return `${objects.length} ${kind.name.replaceAll("-", " ")}s${where}`;
}

/** The same difference for every object of the part. */
function differencesOf(
  { objects }: Part,
  { difference, role, wanted, found }: Omit<Difference, "what" | "object">,
): () => readonly Difference[] {
  return () =>
    objects.map((object) => ({ difference, what: "privilege", object: objectText(object), role, wanted, found }));
}
