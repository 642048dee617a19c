/**
 * Why a role may or may not do something with an object: the answer, and every path that gives it.
 *
 * A path is a chain of memberships (empty for the role itself) and what stands at its end: an attribute, ownership, an
 * entry of a list, a built-in default, a predefined role. Each hop and each end says what proves it and, where one
 * statement takes it away, that statement. What no path gives is listed too, so that a "no" shows what was looked at.
 */
import { ident } from "../../pg/identifiers.ts";
import { type AclEntry, aclEntryText, PUBLIC } from "../catalog/acl.ts";
import { type PrivilegeName, privilegeSet } from "../catalog/privilege.ts";
import type { CatalogObject, Membership, Snapshot } from "../catalog/snapshot.ts";
import { revokeMembership } from "../paths/membership-sql.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import { type Chain, chainsTo } from "./chains.ts";
import { DATABASE_OWNER_ROLE, type MembershipEdge } from "./closures.ts";
import type { EffectiveAccess } from "./effective.ts";
import { PREDEFINED } from "./holdings.ts";
import type { RowLimit } from "./row-security.ts";

/** "some columns": not the table as a whole, which the columns of the paths say more about. */
export type Answer = "now" | "after set role" | "some columns" | "no" | "unknown";

export const SOURCES = [
  "superuser",
  "ownership",
  "grant",
  "PUBLIC",
  "column grant",
  "built-in default",
  "predefined role",
] as const;

export type Source = (typeof SOURCES)[number];

export interface PathStep {
  /** "django -> app_rw (inherit)". */
  text: string;
  /** What the catalog holds: "app_rw=arwd/owner". */
  evidence: string;
  /** SQL that takes this step away; undefined where no single statement does. */
  remove: string | undefined;
}

export interface AccessPath {
  source: Source;
  /** "after set role": only as `acting`. */
  when: "now" | "after set role";
  /** The role that acts at the end: who is asked about, or who it becomes. */
  acting: string;
  steps: readonly PathStep[];
  /** undefined: the whole object. */
  columns: readonly string[] | undefined;
  /** Whether the acting role can reach the object's schema; without it the path leads nowhere. */
  reaches: boolean;
  /** undefined where rows are not what it is about. */
  rows: RowLimit | undefined;
}

export interface Explanation {
  /** PUBLIC is "". */
  role: string;
  privilege: PrivilegeName;
  object: CatalogObject;
  column: string | undefined;
  answer: Answer;
  /** Why it is unknown, or why a held privilege is of no use. */
  reasons: readonly string[];
  paths: readonly AccessPath[];
  /** False when there are more paths than are listed. */
  isComplete: boolean;
  /** What was looked at and gives nothing. */
  notBy: readonly Source[];
  notes: readonly string[];
}

export interface Question {
  role: string;
  privilege: PrivilegeName;
  object: CatalogObject;
  column?: string | undefined;
  kind: PrivilegeKind;
  /** Views over the table, by oid, where they are known. */
  views?: ReadonlySet<number> | undefined;
}

/** The answer for one role, privilege and object, or one of its columns. */
export function explain(access: EffectiveAccess, question: Question): Explanation {
  const found = [...ends(access, question)].map((end) => pathsTo(access, question, end));
  const paths = found.flatMap(({ paths: some }) => some).sort(nearestFirst);
  const { role, privilege, object, column } = question;
  const { answer, reasons } = answerOf(access, question, paths);
  return {
    role,
    privilege,
    object,
    column,
    answer,
    reasons,
    paths,
    isComplete: found.every(({ isComplete }) => isComplete),
    notBy: SOURCES.filter((source) => applies(source, question) && !paths.some((path) => path.source === source)),
    notes: notesOf(access, question),
  };
}

/** What is so now before what SET ROLE gives, short before long. */
function nearestFirst(a: AccessPath, b: AccessPath): number {
  return Number(a.when !== "now") - Number(b.when !== "now") || a.steps.length - b.steps.length;
}

/** What stands at the end of a path, and which role has it; PUBLIC: everybody. */
interface End {
  source: Source;
  holder: string;
  step: PathStep | undefined;
  columns?: readonly string[] | undefined;
}

function* ends(access: EffectiveAccess, question: Question): Generator<End> {
  yield* superusers(access);
  yield* listed(access, question);
  yield* columnEnds(access, question);
  yield* predefinedEnds(access, question);
}

/** 10: the role that the cluster was made with, which stays a superuser. */
const BOOTSTRAP_OID = 10;

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

function pathsTo(access: EffectiveAccess, question: Question, end: End): { paths: AccessPath[]; isComplete: boolean } {
  const { role } = question;
  if (end.holder === PUBLIC) return publicPaths(access, question, end);
  const search = { from: role, to: end.holder, isAttribute: end.source === "superuser" };
  const { chains, isComplete } = chainsTo(access.closures, search);
  return { paths: chains.map((chain) => pathOf(access, question, { end, chain })), isComplete };
}

/** Everybody has it. Who cannot reach the schema can still become somebody who does. */
function publicPaths(
  access: EffectiveAccess,
  question: Question,
  end: End,
): { paths: AccessPath[]; isComplete: boolean } {
  const { role, object } = question;
  const here = pathOf(access, question, { end, chain: { hops: [], setHops: 0, acting: role } });
  if (here.reaches) return { paths: [here], isComplete: true };
  const others = [...access.closures.becomes(role)].filter((as) => access.reaches(as, object));
  const found = others.map((to) => chainsTo(access.closures, { from: role, to, isAttribute: true }));
  const paths = found.flatMap(({ chains }) => chains.map((chain) => pathOf(access, question, { end, chain })));
  return { paths: [here, ...paths], isComplete: found.every(({ isComplete }) => isComplete) };
}

function pathOf(access: EffectiveAccess, question: Question, { end, chain }: { end: End; chain: Chain }): AccessPath {
  const { object, privilege } = question;
  const hops = chain.hops.map((hop, index) => hopStep(access, hop, { isSet: index < chain.setHops }));
  return {
    source: end.source,
    when: chain.setHops === 0 ? "now" : "after set role",
    acting: chain.acting,
    steps: end.step ? [...hops, end.step] : hops,
    columns: end.columns,
    reaches: access.reaches(chain.acting, object),
    rows: object.kind === "table" ? access.rowSecurity.limitOf(chain.acting, privilege, object) : undefined,
  };
}

function hopStep({ snapshot }: EffectiveAccess, hop: MembershipEdge, { isSet }: { isSet: boolean }): PathStep {
  const text = `${hop.member} -> ${hop.role} (${isSet ? "set role" : "inherit"})`;
  if (hop.role === DATABASE_OWNER_ROLE && hop.rows.length === 0) {
    return { text, evidence: `${hop.member} owns database ${snapshot.database}`, remove: undefined };
  }
  const addressable = [hop.role, hop.member].every((name) => snapshot.roles.get(name)?.addressable);
  return {
    text,
    evidence: `membership granted by ${hop.rows.map(({ grantor }) => grantor).join(", ")}`,
    remove: addressable ? hop.rows.map((row) => revokeHop(row, snapshot)).join("; ") : undefined,
  };
}

/** From 16 on a membership that was passed on is only taken back together with what came of it. */
function revokeHop(row: Membership, { major, memberships }: Snapshot): string {
  const wasPassedOn = memberships.some(({ role, grantor }) => role === row.role && grantor === row.member);
  return `${revokeMembership(row, major)}${major >= 16 && row.admin && wasPassedOn ? " cascade" : ""}`;
}

/** Takes one entry away. Only the grantor, or the owner for what the owner granted, can; others are told to become it. */
function revokeText(
  { snapshot }: EffectiveAccess,
  { object, privilege, kind }: Question,
  { entry, columns }: { entry: AclEntry; columns?: readonly string[] },
): string {
  const what = columns ? `${privilege} (${columns.map(ident).join(", ")})` : privilege;
  const from = entry.grantee === PUBLIC ? "public" : ident(entry.grantee);
  const cascade = wasPassedOn(entry, { object, privilege, columns }) ? " cascade" : "";
  const revoke = `revoke ${what} on ${kind.keyword.toLowerCase()} ${object.sql} from ${from}${cascade}`;
  // What nobody owns is granted by the bootstrap superuser, in whose name every superuser acts there.
  const isOwners = object.owner === undefined ? snapshot.roles.get(entry.grantor)?.oid === BOOTSTRAP_OID : false;
  if (isOwners || entry.grantor === object.owner) return revoke;
  return `set role ${ident(entry.grantor)}; ${revoke}; reset role`;
}

/** What the grantee gave to others goes with it, or the server refuses. */
function wasPassedOn(
  { grantee, grantable }: AclEntry,
  {
    object,
    privilege,
    columns = [],
  }: Pick<Question, "object" | "privilege"> & { columns?: readonly string[] | undefined },
): boolean {
  const bit = privilegeSet([privilege]);
  if ((grantable & bit) === 0) return false;
  const lists = [object.acl ?? [], ...columns.map((column) => object.columns?.get(column) ?? [])];
  return lists.flat().some(({ grantor, privileges }) => grantor === grantee && (privileges & bit) !== 0);
}

/** From what is held, not from the paths: their search is bounded, and a bound must not turn into a "no". */
function answerOf(
  access: EffectiveAccess,
  question: Question,
  paths: readonly AccessPath[],
): { answer: Answer; reasons: string[] } {
  const { snapshot, closures } = access;
  const { role, object } = question;
  if (holds(access, question, role)) return { answer: "now", reasons: [] };
  if (role !== PUBLIC && snapshot.roles.get(role)?.addressable !== true) {
    return {
      answer: "unknown",
      reasons: ["the role's name cannot be written in UTF-8, so lists cannot be told to name it"],
    };
  }
  const others = [...closures.becomes(role)];
  if (others.some((as) => holds(access, question, as))) return { answer: "after set role", reasons: [] };
  if (others.some((as) => holdsColumn(access, question, as))) return { answer: "some columns", reasons: [] };
  const unknown = whyUnknown(snapshot, others);
  if (unknown !== undefined) return { answer: "unknown", reasons: [unknown] };
  return { answer: "no", reasons: paths.length > 0 ? [`the role has no usage on schema ${object.schema}`] : [] };
}

/** What was asked for, acting as `as`: of the whole object, or of the one column. */
function holds(access: EffectiveAccess, { object, privilege, column }: Question, as: string): boolean {
  const bit = privilegeSet([privilege]);
  if (column === undefined) return (access.usable(as, object) & bit) !== 0;
  return access.reaches(as, object) && (access.heldOnColumn(as, object, column) & bit) !== 0;
}

function holdsColumn(access: EffectiveAccess, question: Question, as: string): boolean {
  if (question.column !== undefined) return false;
  return [...(question.object.columns?.keys() ?? [])].some((column) => holds(access, { ...question, column }, as));
}

/** A "no" must not stand on what could not be read. */
function whyUnknown({ unreadable, roles }: Snapshot, others: readonly string[]): string | undefined {
  if (others.some((name) => roles.get(name)?.addressable === false)) {
    return "it can become a role whose name cannot be written in UTF-8";
  }
  return unreadable.find((what) => what.startsWith("privileges that this version does not know"));
}

function applies(source: Source, { object, kind, privilege }: Question): boolean {
  if (source === "column grant") return object.kind === "table" && COLUMN_PRIVILEGES.has(privilege);
  if (source === "ownership") return object.owner !== undefined;
  if (source === "built-in default") return kind.publicByDefault.includes(privilege);
  if (source === "predefined role") return ["table", "sequence", "schema"].includes(object.kind);
  return true;
}

/** Those that a column can carry. */
export const COLUMN_PRIVILEGES: ReadonlySet<PrivilegeName> = new Set(["select", "insert", "update", "references"]);

/** 10: enough to look at, the rest is counted. */
const MAX_NAMED = 10;

function notesOf(access: EffectiveAccess, question: Question): string[] {
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

/** "app.orders", "schema app". */
export function objectText({ kind, schema, name }: CatalogObject): string {
  return schema === undefined ? `${kind.replaceAll("-", " ")} ${name}` : `${schema}.${name}`;
}
