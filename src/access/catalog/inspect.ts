/**
 * Reads a server's picture: two statements of a transaction around one query per kind of object and ten more, all in
 * one message. How many there are never depends on how much the server holds.
 *
 * The queries are a statement's worth of trust each: tables and functions of pg_catalog by their whole names, under a
 * search_path of our own. In a caller's transaction a savepoint gives the caller's settings back exactly; nothing else
 * is rolled back with it, because nothing here writes.
 *
 * Names whose bytes are no text here cannot be written in a statement that is sure to mean the same thing. Such roles are
 * kept and marked; such objects are left out and counted in `unreadable`.
 */
import { PgkeepError } from "../../base/errors.ts";
import { ServerError, type Session, type StatementResult, type TextRow } from "../../pg/session.ts";
import { AclReader, arrayElements, PUBLIC } from "../privileges/acl.ts";
import { type CatalogObject, type DefaultAclKind, forEachKind, type ObjectKind } from "../privileges/catalog-object.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import { privilegeKinds } from "./kinds.ts";
import {
  columnAcls,
  columnNames,
  DEFAULT_ACLS,
  EXTENSION_MEMBERS,
  memberships,
  OWN_SETTINGS,
  PASSWORDS,
  POLICIES,
  RAW_BYTES,
  ROLE_DEPENDENCIES,
  ROLES,
  SCHEMA_COMMENTS,
  SERVER,
  SETTINGS,
} from "./queries.ts";
import { type RoleNames, readMemberships, readRoles, readSettings } from "./read-roles.ts";
import type { DefaultAcl, Policy, Role, RoleDependency, RoleSetting, Snapshot } from "./snapshot.ts";

export interface InspectOptions {
  /** Also what the server itself brought along. */
  includeSystem?: boolean | undefined;
}

/** Ends the entries of `unreadable` about names that no statement of ours can hold. */
export const NAMES_UNWRITABLE = "cannot be written in UTF-8";

/** What text decodes to where the bytes are not UTF-8. */
const MANGLED = "\uFFFD";

/**
 * What `session` can see of roles, objects and rights. Uses the caller's transaction when one is open, else a read-only
 * one of its own. Throws ACCESS_CATALOG_UNREADABLE when the server refuses.
 */
export async function inspect(session: Session, { includeSystem = false }: InspectOptions = {}): Promise<Snapshot> {
  const major = Math.trunc(session.serverVersion / 10_000);
  const kinds = await privilegeKinds();
  const present = kinds.filter(({ since = 0 }) => major >= since);
  const answers = await readAll(session, queriesOf(present, { major, includeSystem }));
  return assemble(session, { kinds: present, answers });
}

/** The queries by name. Kinds come first; their names are not those of the others. */
function queriesOf(kinds: readonly PrivilegeKind[], options: { major: number; includeSystem: boolean }) {
  const { major, includeSystem } = options;
  return new Map<string, string>([
    ...kinds.map((kind) => [kind.name, kind.inspect(options)] as const),
    ["server", SERVER],
    ["roles", ROLES],
    ["settings", SETTINGS],
    ["memberships", memberships(major)],
    ["default acls", DEFAULT_ACLS],
    ["policies", POLICIES],
    ["column names", columnNames(includeSystem)],
    ["column acls", columnAcls(includeSystem)],
    ["extension members", EXTENSION_MEMBERS],
    ["schema comments", SCHEMA_COMMENTS],
    ["role dependencies", ROLE_DEPENDENCIES],
  ]);
}

type Answers = ReadonlyMap<string, readonly TextRow[]>;

/** Sends `queries` as one message; the passwords' kinds with them, or after them when only then it is known to be allowed. */
async function readAll(session: Session, queries: ReadonlyMap<string, string>): Promise<Answers> {
  const isSuperuser = session.parameterStatus("is_superuser") === "on";
  const sent = isSuperuser ? new Map([...queries, ["passwords", PASSWORDS]]) : queries;
  const answers = new Map(await readTogether(session, sent));
  if (!isSuperuser && answers.get("server")?.[0]?.passwords === "t") {
    for (const [name, rows] of await readTogether(session, new Map([["passwords", PASSWORDS]])))
      answers.set(name, rows);
  }
  return answers;
}

/** Runs `queries` in one message that leaves the session as it was. Throws ACCESS_CATALOG_UNREADABLE. */
export async function readTogether(session: Session, queries: ReadonlyMap<string, string>): Promise<Answers> {
  const isRaw = session.parameterStatus("server_encoding") === "SQL_ASCII";
  try {
    return await readAs(session, queries, { isRaw }).catch((error: unknown) => {
      // Bytes of another database's encoding, which this one's cannot stand for: once more, as they are.
      if (isRaw || !isUntranslatable(error)) throw error;
      return readAs(session, queries, { isRaw: true });
    });
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    throw new PgkeepError("ACCESS_CATALOG_UNREADABLE", "could not read the server's catalog", {
      detail: `The server said: ${error.message} (${error.sqlstate}).`,
      state: "nothing was changed",
      cause: error,
    });
  }
}

/** character_not_in_repertoire, untranslatable_character. */
function isUntranslatable(error: unknown): boolean {
  return error instanceof ServerError && ["22021", "22P05"].includes(error.sqlstate);
}

async function readAs(
  session: Session,
  queries: ReadonlyMap<string, string>,
  { isRaw }: { isRaw: boolean },
): Promise<Answers> {
  const { begin, end, undo } = bracketOf(session);
  const texts = [...queries.values()].map((query) => `${query};\n`);
  try {
    const results = await session.exchange([begin, OWN_SETTINGS, isRaw ? RAW_BYTES : "", ...texts, end].join(""));
    return byName([...queries.keys()], results);
  } catch (error) {
    if (session.transactionStatus() === "failed") await session.script(undo);
    throw error;
  }
}

function bracketOf(session: Session): { begin: string; end: string; undo: string } {
  if (session.transactionStatus() === "idle") {
    return {
      begin: "begin transaction isolation level repeatable read, read only;",
      end: "commit;",
      undo: "rollback;",
    };
  }
  const back = "rollback to savepoint pgkeep_inspection; release savepoint pgkeep_inspection;";
  return { begin: "savepoint pgkeep_inspection;", end: back, undo: back };
}

/** Queries answer with a tag of their own; what stands around them does not. */
function byName(names: readonly string[], results: readonly StatementResult[]): Answers {
  const selected = results.filter(({ tag }) => tag.startsWith("SELECT"));
  return new Map(names.map((name, index) => [name, selected[index]?.rows ?? []]));
}

function assemble(session: Session, source: { kinds: readonly PrivilegeKind[]; answers: Answers }): Snapshot {
  const { kinds, answers } = source;
  const server = answers.get("server")?.[0] ?? {};
  const names: RoleNames = new Map();
  const acl = new AclReader();
  const unreadable: string[] = [];
  const roles = readRoles(answers, names);
  const objects = readObjects(kinds, { answers, acl, unreadable });
  if (!answers.has("passwords")) unreadable.push("pg_authid (passwords)");
  const snapshot: Snapshot = {
    major: Math.trunc(session.serverVersion / 10_000),
    version: session.serverVersion,
    database: server.database ?? "",
    databaseOid: Number(server.database_oid),
    executor: {
      sessionUser: server.session_user ?? "",
      currentUser: server.current_user ?? "",
      superuser: server.superuser === "t",
    },
    roles,
    memberships: readMemberships(answers, { names, roles }),
    objects,
    defaultAcls: readDefaultAcls(answers, acl),
    policies: readPolicies(answers, names),
    databaseSettings: databaseSettings(answers, Number(server.database_oid)),
    schemaComments: new Map(
      (answers.get("schema comments") ?? []).map(({ schema, comment }) => [schema ?? "", comment ?? ""]),
    ),
    roleDependencies: readRoleDependencies(answers, names),
    unreadable,
  };
  unreadable.push(...unaddressableRoles(roles), ...lettersNotKnown(acl));
  return snapshot;
}

interface ObjectSource {
  answers: Answers;
  acl: AclReader;
  unreadable: string[];
}

function readObjects(kinds: readonly PrivilegeKind[], source: ObjectSource): Record<ObjectKind, CatalogObject[]> {
  const { answers, acl, unreadable } = source;
  const objects = forEachKind<CatalogObject[]>(() => []);
  const extensions = extensionMembers(answers);
  for (const kind of kinds) {
    const rows = answers.get(kind.name) ?? [];
    const named = rows.flatMap((row) => readRow(kind, row, acl) ?? []);
    if (named.length < rows.length) unreadable.push(unwritable(kind.name, rows.length - named.length));
    objects[kind.name] = named.map((object) => withExtension(object, kind, extensions));
  }
  objects.table = withColumns(objects.table, { answers, acl });
  return objects;
}

/** undefined when no statement of ours could name it: its bytes are no text, or it is longer in UTF-8 than there. */
function readRow(kind: PrivilegeKind, row: TextRow, acl: AclReader): CatalogObject | undefined {
  if (isMangled(row)) return undefined;
  try {
    return kind.read(row, acl);
  } catch (error) {
    if (error instanceof PgkeepError && error.code === "CONFIG_VALUE_INVALID") return undefined;
    throw error;
  }
}

/** Only what a statement would have to name; an owner's name is the owner's. */
function isMangled({ schema, name, arguments: types, modes }: TextRow): boolean {
  return [schema, name, types, modes].some((part) => part?.includes(MANGLED));
}

function extensionMembers(answers: Answers): ReadonlyMap<string, string> {
  const rows = answers.get("extension members") ?? [];
  return new Map(rows.map(({ catalog, oid, extension }) => [`${catalog} ${oid}`, extension ?? ""]));
}

function withExtension(
  object: CatalogObject,
  { extensionCatalog = "" }: PrivilegeKind,
  extensions: ReadonlyMap<string, string>,
): CatalogObject {
  const extension = extensions.get(`${extensionCatalog} ${object.oid}`);
  return extension === undefined ? object : { ...object, extension };
}

function withColumns(tables: readonly CatalogObject[], { answers, acl }: Omit<ObjectSource, "unreadable">) {
  const names = new Map((answers.get("column names") ?? []).map((row) => [Number(row.table), row.names ?? "{}"]));
  const lists = new Map<number, Map<string, NonNullable<CatalogObject["acl"]>>>();
  for (const row of answers.get("column acls") ?? []) {
    const table = Number(row.table);
    const columns = lists.get(table) ?? new Map();
    columns.set(row.name ?? "", acl.read(row.acl ?? null) ?? []);
    lists.set(table, columns);
  }
  return tables.map((table) => {
    const columns = lists.get(table.oid);
    return { ...table, columnNames: arrayElements(names.get(table.oid) ?? "{}"), ...(columns ? { columns } : {}) };
  });
}

const DEFAULT_KINDS: Readonly<Record<string, DefaultAclKind>> = {
  r: "tables",
  S: "sequences",
  f: "routines",
  T: "types",
  n: "schemas",
  L: "large_objects",
};

function readDefaultAcls(answers: Answers, acl: AclReader): DefaultAcl[] {
  return (answers.get("default acls") ?? []).flatMap((row) => {
    const on = DEFAULT_KINDS[row.type ?? ""];
    if (on === undefined) return [];
    return [{ creator: row.creator ?? "", schema: row.schema ?? undefined, on, acl: acl.read(row.acl ?? null) ?? [] }];
  });
}

const COMMANDS: Readonly<Record<string, Policy["command"]>> = {
  "*": "all",
  r: "select",
  a: "insert",
  w: "update",
  d: "delete",
};

function readPolicies(answers: Answers, names: RoleNames): Policy[] {
  return (answers.get("policies") ?? []).map((row) => ({
    schema: row.schema ?? "",
    table: row.table ?? "",
    name: row.name ?? "",
    command: COMMANDS[row.command ?? ""] ?? "all",
    permissive: row.permissive === "t",
    roles: arrayElements(row.roles ?? "{}").map((oid) => (oid === "0" ? PUBLIC : (names.get(oid) ?? oid))),
    using: row.using ?? undefined,
    check: row.check ?? undefined,
    comment: row.comment ?? undefined,
  }));
}

function readRoleDependencies(answers: Answers, names: RoleNames): RoleDependency[] {
  return (answers.get("role dependencies") ?? []).flatMap((row) => {
    const role = names.get(row.role ?? "");
    return role === undefined ? [] : [{ role, database: row.database ?? "", objects: Number(row.objects) }];
  });
}

/** ALTER DATABASE of this database, and ALTER ROLE ALL. */
function databaseSettings(answers: Answers, databaseOid: number): RoleSetting[] {
  const rows = (answers.get("settings") ?? []).filter(({ role }) => role === "0");
  return rows
    .filter((row) => row.database_oid === "0" || Number(row.database_oid) === databaseOid)
    .flatMap((row) => readSettings(row));
}

function unaddressableRoles(roles: ReadonlyMap<string, Role>): string[] {
  const count = [...roles.values()].filter(({ addressable }) => !addressable).length;
  return count === 0 ? [] : [unwritable("role", count)];
}

function unwritable(kind: string, count: number): string {
  return `${kind}: ${count} ${count === 1 ? "name" : "names"} ${NAMES_UNWRITABLE}`;
}

function lettersNotKnown({ unknownLetters }: AclReader): string[] {
  if (unknownLetters.size === 0) return [];
  return [`privileges that this version does not know: ${[...unknownLetters].sort().join("")}`];
}
