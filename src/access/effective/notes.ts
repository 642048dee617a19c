/**
 * What somebody who reads the answer should know besides: it is no path of the role's own, and yet the object's content
 * may be reached, or the right be of no use.
 */
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { privilegeSet } from "../privileges/privilege.ts";
import type { EffectiveAccess } from "./effective.ts";
import type { Question } from "./explanation.ts";

/** 10: enough to look at, the rest is counted. */
const MAX_NAMED = 10;

export function notesOf(access: EffectiveAccess, question: Question): string[] {
  return [
    ...ownerNote(access, question),
    ...connectNote(access, question),
    ...definerNote(access, question),
    ...viewNote(access, question),
    ...parentNote(access, question),
    ...languageNote(question),
  ];
}

/** Who cannot connect uses what it has only through somebody else's session. */
function connectNote(access: EffectiveAccess, { role, object }: Question): string[] {
  const { objects, databaseOid, database } = access.snapshot;
  const here = objects.database.find(({ oid }) => oid === databaseOid);
  if (role === PUBLIC || object.kind === "database" || here === undefined) return [];
  if ((access.held(role, here) & privilegeSet(["connect"])) !== 0) return [];
  return [`${role} may not connect to database ${database} itself`];
}

/** An owner can take back what its list does not say. */
function ownerNote({ holdings }: EffectiveAccess, { role, object, privilege }: Question): string[] {
  const bit = privilegeSet([privilege]);
  if (role === PUBLIC || holdings.isSuperuser(role) || !holdings.owns(role, object)) return [];
  if ((holdings.held(role, object) & bit) !== 0) return [];
  return [`has the rights of owner ${object.owner}, who can grant it again at any time`];
}

/** Functions are texts: whether one uses what its owner may do cannot be read off them, so they are only named. */
function definerNote(access: EffectiveAccess, { role, object, privilege }: Question): string[] {
  const bit = privilegeSet([privilege]);
  const execute = privilegeSet(["execute"]);
  const routines = access.snapshot.objects.routine.filter(
    (routine) =>
      routine.securityDefiner === true &&
      routine.owner !== undefined &&
      (access.held(routine.owner, object) & bit) !== 0 &&
      (access.usable(role, routine) & execute) !== 0 &&
      !access.closures.inherited(role).has(routine.owner),
  );
  if (routines.length === 0 || access.holdings.isSuperuser(role)) return [];
  return [`may execute security definer routines of roles that have it: ${namedWithOwners(routines)}`];
}

/** A view shows what its owner may see, unless it runs with the rights of whoever reads it. */
function viewNote(access: EffectiveAccess, { role, object, privilege, views }: Question): string[] {
  const bit = privilegeSet([privilege]);
  const isAbout = privilege === "select" || privilege === "insert" || privilege === "update" || privilege === "delete";
  if (!views || !isAbout || access.holdings.isSuperuser(role)) return [];
  const open = access.snapshot.objects.table.filter(
    (view) =>
      views.has(view.oid) &&
      view.securityInvoker !== true &&
      view.owner !== undefined &&
      (access.usable(role, view) & bit) !== 0 &&
      (access.held(view.owner, object) & bit) !== 0,
  );
  return open.length === 0
    ? []
    : [`has ${privilege} on views over it, with their owners' rights: ${namedWithOwners(open)}`];
}

/** A statement on a parent reaches the rows of its partitions and children without a right on those. */
function parentNote(access: EffectiveAccess, { role, object, privilege }: Question): string[] {
  const bit = privilegeSet([privilege]);
  const isAbout =
    privilege === "select" || privilege === "update" || privilege === "delete" || privilege === "truncate";
  if (!isAbout || object.kind !== "table" || access.holdings.isSuperuser(role)) return [];
  const open = ancestorsOf(object, access.snapshot.objects.table).filter(
    (parent) => (access.usable(role, parent) & bit) !== 0,
  );
  if (open.length === 0) return [];
  const names = open.map(({ schema, name }) => `${schema}.${name}`).join(", ");
  return [`has ${privilege} on ${names}, whose statements reach its rows too`];
}

function ancestorsOf(object: CatalogObject, tables: readonly CatalogObject[]): CatalogObject[] {
  const byOid = new Map(tables.map((table) => [table.oid, table]));
  const found = new Set<CatalogObject>();
  for (let at: CatalogObject | undefined = object; at?.parent && at.parent.relation !== "owned"; ) {
    at = byOid.get(at.parent.oid);
    if (!at || found.has(at)) break;
    found.add(at);
  }
  return [...found];
}

function namedWithOwners(objects: readonly CatalogObject[]): string {
  const named = objects.slice(0, MAX_NAMED).map((object) => `${object.schema}.${object.name} as ${object.owner}`);
  return `${named.join(", ")}${objects.length > MAX_NAMED ? ` and ${objects.length - MAX_NAMED} more` : ""}`;
}

function languageNote({ object }: Question): string[] {
  if (object.kind !== "language" || object.trusted !== false) return [];
  return ["the language is not trusted: only superusers write routines in it, whatever its list says"];
}
