/** Probes of what stands in schemas, and of the schemas: rows 2 to 8, 14, 16 and 17 of the matrix. */
import { ident } from "../../pg/identifiers.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { type PrivilegeName, privilegeSet } from "../privileges/privilege.ts";
import {
  anyColumnPrivilege,
  columnPrivilege,
  explained,
  type Manipulation,
  onAllColumns,
  onAnyColumn,
  ownership,
  routinePrivilege,
  schemaPrivilege,
  sequencePrivilege,
  tablePrivilege,
} from "./attempts.ts";
import type { DesiredObject } from "./desired.ts";
import { type Expectations, heldNow, ownsNow } from "./expectations.ts";
import { type Attempt, expectedIf, type Probe } from "./probe.ts";
import { probeStatement } from "./statements.ts";
import type { Surroundings } from "./surroundings.ts";

export interface ProbeSource {
  expectations: Expectations;
  surroundings: Surroundings;
  role: string;
  /** A name that nothing in the database has. */
  freshName: string;
}

/** Everything about one object for one role. */
export function objectProbes(source: ProbeSource, desired: DesiredObject): Probe[] {
  switch (desired.object.kind) {
    case "table":
      return tableProbes(source, desired);
    case "sequence":
      return sequenceProbes(source, desired);
    case "routine":
      return routineProbes(source, desired);
    case "schema":
      return schemaProbes(source, desired);
    default:
      return [];
  }
}

/** "app.orders" behind its kind; names as they are. */
export function labelOf({ kind, subkind, schema, name }: CatalogObject): string {
  return `${subkind ?? kind} ${schema === undefined ? name : `${schema}.${name}`}`;
}

type Draft = Omit<Probe, "role" | "object" | "schema">;

function completed({ role }: ProbeSource, object: CatalogObject, drafts: readonly Draft[]): Probe[] {
  const schema = object.kind === "schema" ? object.name : object.schema;
  const isRelation = object.kind === "table" || object.kind === "sequence";
  const base = { role, object: labelOf(object), schema, ...(isRelation ? { relation: object.oid } : {}) };
  return drafts.map((draft) => ({ ...draft, ...base }));
}

function tableProbes(source: ProbeSource, desired: DesiredObject): Probe[] {
  return completed(source, desired.object, [
    ...manipulations(source, desired),
    ...columnProbes(source, desired),
    ...privilegedStatements(source, desired),
    ...definitionProbes(source, desired),
    ...drawnSequences(source, desired),
  ]);
}

const MANIPULATIONS: readonly { action: Manipulation; row: number }[] = [
  { action: "select", row: 2 },
  { action: "insert", row: 3 },
  { action: "update", row: 3 },
  { action: "delete", row: 3 },
];

/** A statement on all columns passes then; only the catalog knows that a column added later would not be covered. */
const EVERY_COLUMN = "rights on every single column look like the right on the whole when they are tried";

function manipulations(source: ProbeSource, desired: DesiredObject): Draft[] {
  const { expectations, role } = source;
  const { object } = desired;
  return MANIPULATIONS.map(({ action, row }) => {
    const extent = expectations.extent(role, desired, action);
    // Without any right not even one column may do; with rights on some the whole must not.
    const asksAny = extent === "none" && action !== "delete";
    const asked = asksAny ? anyColumnPrivilege(role, object, action) : tablePrivilege(role, object, action);
    const statement =
      (asksAny ? onAnyColumn(action, object) : undefined) ?? onAllColumns(action, object, object.columnNames ?? []);
    const isPiecemeal = extent === "columns" && expectations.grantsEveryColumn(role, desired, action);
    const why = isPiecemeal ? EVERY_COLUMN : hazardOf(source, desired, action);
    const attempt: Attempt = why === undefined ? explained(statement) : { kind: "ask", question: asked, why };
    return { row, action, expected: expectedIf(extent === "all"), attempt, otherwise: asked };
  });
}

/** Why a statement is not even planned; undefined when planning does no harm and tells the truth. */
function hazardOf(
  { expectations, surroundings, role }: ProbeSource,
  desired: DesiredObject,
  action: Manipulation,
): string | undefined {
  const { object } = desired;
  const isPlain = object.subkind === "table" || object.subkind === "partitioned table";
  if (action !== "select" && !isPlain) return "views and foreign tables say first whether they can be written at all";
  if (action !== "select" && surroundings.hasRules(object)) return "rules rewrite what is sent to the table";
  if (action === "update" && (object.columnNames ?? []).length === 0) return "the table has no columns";
  const runsAnyway = expectations.extent(role, desired, "select") !== "none";
  return surroundings.hazardFor(object, { role, graph: expectations.present, runsAnyway });
}

const COLUMN_ACTIONS: readonly Manipulation[] = ["select", "insert", "update"];

/** Columns that have rights of their own, or shall have, one by one. */
function columnProbes(source: ProbeSource, desired: DesiredObject): Draft[] {
  const { expectations, role } = source;
  const { object } = desired;
  return COLUMN_ACTIONS.flatMap((action) => {
    const extent = expectations.extent(role, desired, action);
    if (extent === "all") return [];
    const own = [...new Set([...desired.columns.keys(), ...(object.columns?.keys() ?? [])])];
    const columns = extent === "columns" && action === "select" ? (object.columnNames ?? own) : own;
    const why = hazardOf(source, desired, action);
    return columns.map((column): Draft => {
      const isAllowed = (expectations.columnPrivileges(role, desired, column) & privilegeSet([action])) !== 0;
      const asked = columnPrivilege(role, object, { column, privilege: action });
      const attempt: Attempt =
        why === undefined ? explained(onAllColumns(action, object, [column])) : { kind: "ask", question: asked, why };
      return {
        row: 4,
        action: `${action} column ${column}`,
        expected: expectedIf(isAllowed),
        attempt,
        otherwise: asked,
      };
    });
  });
}

/** What would really happen when it is tried: it is tried only where the catalog says that it will be refused. */
function privilegedStatements(source: ProbeSource, desired: DesiredObject): Draft[] {
  const { expectations, role } = source;
  const { object } = desired;
  const wanted = expectations.privileges(role, desired);
  const held = heldNow(expectations, role, object);
  const isTable = object.subkind === "table" || object.subkind === "partitioned table";
  const draft = (row: number, privilege: PrivilegeName, statement: string | undefined): Draft => {
    const bit = privilegeSet([privilege]);
    const asked = tablePrivilege(role, object, privilege);
    const isTried = statement !== undefined && isTable && (held & bit) === 0;
    const attempt: Attempt = isTried
      ? { kind: "run", sql: probeStatement(statement, { object: object.sql }) }
      : { kind: "ask", question: asked, why: "it is not done where it would have an effect" };
    return { row, action: privilege, expected: expectedIf((wanted & bit) !== 0), attempt, otherwise: asked };
  };
  return [
    draft(5, "truncate", "truncate"),
    draft(7, "trigger", "create trigger"),
    draft(7, "references", undefined),
    ...(expectations.snapshot.major >= 17 ? [draft(5, "maintain", undefined)] : []),
  ];
}

const TABLE_DEFINITIONS = [
  "alter table",
  "drop table",
  "create index",
  "comment on table",
  "enable row security",
  "create policy",
];

const DEFINITIONS: Readonly<
  Partial<Record<NonNullable<CatalogObject["subkind"]> | CatalogObject["kind"], readonly string[]>>
> = {
  table: TABLE_DEFINITIONS,
  "partitioned table": TABLE_DEFINITIONS,
  view: ["alter view", "drop view"],
  "materialized view": ["drop materialized view", "refresh"],
  "foreign table": ["drop foreign table"],
  sequence: ["alter sequence", "drop sequence"],
  routine: ["drop routine"],
  schema: ["alter schema", "drop schema"],
};

function definitionProbes({ expectations, role }: ProbeSource, desired: DesiredObject): Draft[] {
  const { object } = desired;
  const names = DEFINITIONS[object.kind === "table" ? (object.subkind ?? "table") : object.kind] ?? [];
  const home = object.schema === undefined ? undefined : expectations.schema(object.schema);
  const maintains = (expectations.privileges(role, desired) & privilegeSet(["maintain"])) !== 0;
  const maintainsNow = (heldNow(expectations, role, object) & privilegeSet(["maintain"])) !== 0;
  return names.map((action): Draft => {
    // The owner of a schema may drop what stands in it.
    const bySchema = action.startsWith("drop ") && home !== undefined;
    const isAllowed =
      expectations.isOwner(role, desired) ||
      (bySchema && expectations.isOwner(role, home)) ||
      (action === "refresh" && maintains);
    const isOwnNow =
      ownsNow(expectations, role, object) ||
      (bySchema && ownsNow(expectations, role, home.object)) ||
      (action === "refresh" && maintainsNow);
    const attempt: Attempt = isOwnNow
      ? { kind: "known", allowed: true, why: "it has the owner's rights, so it is not tried on what is in use" }
      : { kind: "run", sql: probeStatement(action, definitionNames(object)) };
    // MAINTAIN allows a REFRESH too, so ownership alone would not be the answer there.
    const otherwise =
      action === "refresh" ? undefined : ownership(role, [object.owner, bySchema ? home.object.owner : undefined]);
    return { row: 6, action, expected: expectedIf(isAllowed), attempt, otherwise };
  });
}

function definitionNames(object: CatalogObject) {
  const [first] = object.columnNames ?? [];
  return { object: object.sql, schema: object.sql, column: first === undefined ? "(1)" : ident(first) };
}

/** Sequences that an INSERT draws from by defaults: planning the INSERT does not ask for the right on them. */
function drawnSequences({ expectations, surroundings, role }: ProbeSource, desired: DesiredObject): Draft[] {
  const drawn = surroundings.drawnBy(desired.object);
  if (drawn.length === 0 || expectations.extent(role, desired, "insert") === "none") return [];
  return expectations.snapshot.objects.sequence
    .filter(({ oid }) => drawn.includes(oid))
    .map((sequence) => ({
      row: 3,
      action: "insert (default of a serial column)",
      expected: "allowed" as const,
      attempt: {
        kind: "ask" as const,
        question: sequencePrivilege(role, sequence, ["usage", "update"]),
        why: "numbers of sequences are not given back",
      },
    }));
}

function sequenceProbes(source: ProbeSource, desired: DesiredObject): Probe[] {
  const { expectations, role } = source;
  const { object } = desired;
  const wanted = expectations.privileges(role, desired);
  const asked = (action: string, privileges: readonly PrivilegeName[]): Draft => ({
    row: 16,
    action,
    expected: expectedIf((wanted & privilegeSet(privileges)) !== 0),
    attempt: {
      kind: "ask",
      question: sequencePrivilege(role, object, privileges),
      why: "numbers of sequences are not given back",
    },
  });
  const lastValue: Draft = {
    row: 16,
    action: "last_value",
    expected: expectedIf((wanted & privilegeSet(["select"])) !== 0),
    attempt: explained(`select last_value from ${object.sql}`),
    otherwise: sequencePrivilege(role, object, ["select"]),
  };
  return completed(source, object, [
    asked("nextval", ["usage", "update"]),
    asked("currval", ["usage", "select"]),
    lastValue,
    asked("setval", ["update"]),
    ...definitionProbes(source, desired),
  ]);
}

function routineProbes(source: ProbeSource, desired: DesiredObject): Probe[] {
  const { expectations, role } = source;
  const wanted = expectations.privileges(role, desired);
  const execute: Draft = {
    row: 17,
    action: "execute",
    expected: expectedIf((wanted & privilegeSet(["execute"])) !== 0),
    attempt: { kind: "ask", question: routinePrivilege(role, desired.object), why: "routines are not called" },
  };
  return completed(source, desired.object, [execute, ...definitionProbes(source, desired)]);
}

const CREATIONS = ["create table", "create view", "create function", "create type"];

function schemaProbes(source: ProbeSource, desired: DesiredObject): Probe[] {
  const { expectations, role, freshName } = source;
  const { object } = desired;
  const wanted = expectations.privileges(role, desired);
  const mayCreate = (wanted & privilegeSet(["create"])) !== 0;
  const usage: Draft = {
    row: 8,
    action: "usage",
    expected: expectedIf((wanted & privilegeSet(["usage"])) !== 0),
    attempt: {
      kind: "ask",
      question: schemaPrivilege(role, object.name, "usage"),
      why: "using a name needs an object",
    },
  };
  return completed(source, object, [
    usage,
    ...creations({ role, schema: object, freshName }, mayCreate),
    ...definitionProbes(source, desired),
  ]);
}

export function creations(
  { role, schema, freshName }: { role: string; schema: CatalogObject; freshName: string },
  mayCreate: boolean,
): Draft[] {
  return CREATIONS.map((action) => ({
    row: 8,
    action: `${action} in`,
    expected: expectedIf(mayCreate),
    attempt: { kind: "run", sql: probeStatement(action, { schema: schema.sql, name: ident(freshName) }) },
    otherwise: schemaPrivilege(role, schema.name, "create"),
  }));
}
