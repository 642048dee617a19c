/** What a plan says without changing anything: risks of a profile, creators nobody thought of, grants elsewhere. */
import { tameLine } from "../../base/tame.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { privilegeSet } from "../privileges/privilege.ts";
import type { GrantPlanning } from "./acting.ts";
import { isIgnoredRole } from "./ignored-roles.ts";
import { objectText, roleText } from "./naming.ts";

/** 20 lines: more of one kind is a report's business. */
const MOST_OF_A_KIND = 20;

export function addWarnings(planning: GrantPlanning): void {
  warnOfProfile(planning);
  warnOfCreators(planning);
  warnOfGrantsElsewhere(planning);
  warnOfPublic(planning);
  warnOfLockout(planning);
}

function warnOfProfile({ facts, book }: GrantPlanning): void {
  if (facts.major >= 16) return;
  const makers = [...facts.model.roles.values()].filter(({ state, createRole }) => state === "present" && createRole);
  if (makers.length === 0) return;
  const shown = makers.slice(0, MOST_OF_A_KIND).map(({ name }) => roleText(name));
  const more = makers.length > MOST_OF_A_KIND ? [`${makers.length - MOST_OF_A_KIND} more`] : [];
  const who = [...shown, ...more].join(", ");
  book.warn(
    `CREATEROLE is before PostgreSQL 16 nearly as strong as superuser: who has it may grant itself pg_execute_server_program. Here: ${who}. Profile three-tier does without`,
  );
}

const CONNECT = privilegeSet(["connect"]);

/** Taking CONNECT from PUBLIC is right, and surprises whoever ran it at the next run. */
function warnOfLockout({ facts, book, present, resolver, rights }: GrantPlanning): void {
  const database = present.of("database").find(({ name }) => name === facts.model.database);
  if (!database || rights.isSuperuser || !resolver.isGoverned(database)) return;
  const { list } = resolver.wish(database);
  const held = new Set(facts.closures.inherited(rights.executor));
  for (const { role, member, inherit } of facts.model.memberships) {
    if (member === rights.executor && inherit !== false) held.add(role);
  }
  const counts = (grantee: string): boolean => grantee === PUBLIC || held.has(grantee);
  const keeps = (grantee: string): boolean =>
    grantee === database.owner || !(list.isExact(grantee) || ((list.taken.get(grantee) ?? 0) & CONNECT) !== 0);
  const isLeft = present
    .list(database)
    .some(({ grantee, privileges }) => counts(grantee) && (privileges & CONNECT) !== 0 && keeps(grantee));
  const isGiven = [...list.holdings].some(
    ([grantee, { privileges }]) => counts(grantee) && (privileges & CONNECT) !== 0,
  );
  if (isLeft || isGiven) return;
  book.warn(
    `${roleText(rights.executor)}, which runs this, could not connect to database "${tameLine(database.name)}" any more; name it in database_acl.connect`,
  );
}

const CREATE = privilegeSet(["create"]);

/** Roles that may create in a schema whose future objects are spoken for, and for whose objects nobody spoke. */
function warnOfCreators({ facts, book, present }: GrantPlanning): void {
  const { defaults, schemas } = facts.model;
  const everywhere = new Set(defaults.filter(({ schema }) => schema === undefined).map(({ creator }) => creator));
  const found: string[] = [];
  for (const schema of present.of("schema")) {
    const own = defaults.filter((rule) => rule.schema === schema.name).map(({ creator }) => creator);
    if (!schemas.has(schema.name) || own.length === 0) continue;
    const covered = new Set([...own, ...everywhere]);
    for (const role of creatorsIn(schema, { present })) {
      const existing = facts.existing(role);
      const isOrdinary = role === PUBLIC || (existing !== undefined && !existing.superuser && !isIgnoredRole(existing));
      if (covered.has(role) || !isOrdinary || facts.isRetiring(role)) continue;
      found.push(
        `${roleText(role)} may create in schema "${tameLine(schema.name)}", and nothing is granted on what it will make; see defaults_for`,
      );
    }
  }
  warnAll(found, book);
}

function creatorsIn(schema: CatalogObject, { present }: Pick<GrantPlanning, "present">): Set<string> {
  const entries = present.list(schema).filter(({ privileges }) => (privileges & CREATE) !== 0);
  return new Set(entries.map(({ grantee }) => grantee));
}

/** Grants to the model's roles where the model says nothing. They are left alone. Other databases have their own models. */
function warnOfGrantsElsewhere({ facts, book, present, resolver }: GrantPlanning): void {
  if (facts.isAdditive) return;
  const counts = new Map<string, number>();
  for (const { name: kind } of facts.kinds.values()) {
    for (const object of present.of(kind)) {
      const isElsewhere = kind === "database" && object.name !== facts.model.database;
      if (object.acl === undefined || object.extension !== undefined || isElsewhere) continue;
      if (resolver.isGoverned(object)) continue;
      for (const grantee of new Set(object.acl.map((entry) => entry.grantee))) {
        if (grantee === object.owner || !facts.managed(grantee)) continue;
        const place = object.schema === undefined ? objectText(object) : `schema "${object.schema}"`;
        const key = `${roleText(grantee)} has grants on ${tameLine(place)}, which the model does not govern`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
  }
  warnAll(
    [...counts].map(([text, count]) => (count > 1 ? `${text} (${count} objects)` : text)),
    book,
  );
}

/** Rows that everybody may see or change, where the model does not speak of PUBLIC. They are left alone. */
function warnOfPublic({ facts, book, present, resolver }: GrantPlanning): void {
  if (facts.isAdditive) return;
  const found = new Map<string, CatalogObject[]>();
  for (const kind of ["table", "sequence"] as const) {
    for (const object of present.of(kind)) {
      if (!object.acl?.some(({ grantee }) => grantee === PUBLIC) || !resolver.isGoverned(object)) continue;
      const { list } = resolver.wish(object);
      if (list.isExact(PUBLIC) || (list.taken.get(PUBLIC) ?? 0) !== 0 || list.holdings.has(PUBLIC)) continue;
      const schema = object.schema ?? "";
      const same = found.get(schema) ?? [];
      same.push(object);
      found.set(schema, same);
    }
  }
  const texts = [...found].map(([schema, [first, ...others]]) => {
    const more = others.length === 0 ? "" : ` and ${others.length} more of its schema`;
    return `PUBLIC, which is every role, has grants on ${tameLine(first?.sql ?? "")}${more}, and the model says nothing of it; "revoke_public_objects: [tables, sequences]" under schema "${tameLine(schema)}" takes them away`;
  });
  warnAll(texts, book);
}

function warnAll(texts: readonly string[], book: GrantPlanning["book"]): void {
  for (const text of texts.slice(0, MOST_OF_A_KIND)) book.warn(text);
  if (texts.length > MOST_OF_A_KIND) book.warn(`and ${texts.length - MOST_OF_A_KIND} more like the last one`);
}
