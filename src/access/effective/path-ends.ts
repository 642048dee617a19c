/**
 * Where a path can end: everything that gives the privilege on the object, to whichever role.
 *
 * Attributes, ownership, entries of the object's list and of its columns' lists, the built-in default that stands for a
 * list that is not there, predefined roles.
 */
import { ident } from "../../pg/identifiers.ts";
import { BOOTSTRAP_OID } from "../catalog/snapshot.ts";
import { type AclEntry, aclEntryText, PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { privilegeSet } from "../privileges/privilege.ts";
import type { EffectiveAccess } from "./effective.ts";
import type { PathStep, Question, Source } from "./explanation.ts";
import { PREDEFINED } from "./holdings.ts";
import { revokeText } from "./removal.ts";

/** What stands at the end of a path, and which role has it; PUBLIC: everybody. */
export interface End {
  source: Source;
  holder: string;
  step: PathStep | undefined;
  columns?: readonly string[] | undefined;
}

export function* ends(access: EffectiveAccess, question: Question): Generator<End> {
  yield* superusers(access);
  yield* listed(access, question);
  yield* columnEnds(access, question);
  yield* predefinedEnds(access, question);
}

function* superusers({ snapshot }: EffectiveAccess): Generator<End> {
  for (const { oid, name, superuser, addressable } of snapshot.roles.values()) {
    if (!superuser) continue;
    const remove = addressable && oid !== BOOTSTRAP_OID ? `alter role ${ident(name)} nosuperuser` : undefined;
    yield { source: "superuser", holder: name, step: { text: `${name} is a superuser`, evidence: "rolsuper", remove } };
  }
}

/** Entries of the object's list, or of the built-in one that stands for it. */
function* listed(access: EffectiveAccess, question: Question): Generator<End> {
  const { holdings } = access;
  const { object, privilege } = question;
  const bit = privilegeSet([privilege]);
  if (holdings.isProtectedCatalog(object) && ["insert", "update", "delete", "truncate"].includes(privilege)) return;
  for (const entry of holdings.aclOf(object)) {
    if ((entry.privileges & bit) !== 0) yield endOf(access, question, entry);
  }
}

function endOf(access: EffectiveAccess, question: Question, entry: AclEntry): End {
  const { object, privilege } = question;
  const { grantee: holder } = entry;
  const name = objectText(object);
  const evidence = object.acl ? aclEntryText(entry) : "no list: the built-in default holds";
  if (holder === object.owner) {
    return { source: "ownership", holder, step: { text: `${holder} owns ${name}`, evidence, remove: undefined } };
  }
  const remove = revokeText(access, question, { entry });
  if (holder === PUBLIC && !object.acl) {
    const text = `everybody has ${privilege} on a new ${object.kind.replaceAll("-", " ")} (PUBLIC)`;
    return { source: "built-in default", holder, step: { text, evidence, remove } };
  }
  const given = `${privilege} on ${name}, given by ${entry.grantor}`;
  if (holder === PUBLIC) return { source: "PUBLIC", holder, step: { text: `PUBLIC has ${given}`, evidence, remove } };
  return { source: "grant", holder, step: { text: `grant ${given}`, evidence, remove } };
}

/** One end per entry of the columns' lists that are alike but for the column. */
function* columnEnds(access: EffectiveAccess, question: Question): Generator<End> {
  const { object, privilege, column } = question;
  const bit = privilegeSet([privilege]);
  const alike = new Map<string, { entry: AclEntry; columns: string[] }>();
  for (const [name, acl] of object.columns ?? []) {
    if (column !== undefined && name !== column) continue;
    for (const entry of acl.filter(({ privileges }) => (privileges & bit) !== 0)) {
      const key = JSON.stringify([entry.grantee, entry.grantor]);
      const known = alike.get(key) ?? { entry, columns: [] };
      known.columns.push(name);
      alike.set(key, known);
    }
  }
  for (const { entry, columns } of alike.values()) {
    const whose = entry.grantee === PUBLIC ? "PUBLIC has" : "grant";
    const text = `${whose} ${privilege} on columns ${columns.join(", ")} of ${objectText(object)}, given by ${entry.grantor}`;
    const step = { text, evidence: aclEntryText(entry), remove: revokeText(access, question, { entry, columns }) };
    yield { source: "column grant", holder: entry.grantee, step, columns };
  }
}

function* predefinedEnds({ holdings, snapshot }: EffectiveAccess, { object, privilege }: Question): Generator<End> {
  const bit = privilegeSet([privilege]);
  if (holdings.isProtectedCatalog(object) && privilege !== "select" && privilege !== "maintain") return;
  for (const { role, kinds, gives } of PREDEFINED) {
    if (!kinds.includes(object.kind) || (gives & bit) === 0 || !snapshot.roles.has(role)) continue;
    const text = `${role} has ${privilege} on every ${object.kind}`;
    yield {
      source: "predefined role",
      holder: role,
      step: { text, evidence: "built into the server", remove: undefined },
    };
  }
}

/** "app.orders", "schema app". */
function objectText({ kind, schema, name }: CatalogObject): string {
  return schema === undefined ? `${kind.replaceAll("-", " ")} ${name}` : `${schema}.${name}`;
}
