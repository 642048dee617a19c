/** Probes that the model's file asks for by name, under `must` and `must_not`, and the routines that it lets be called. */
import { ident, literal } from "../../pg/identifiers.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { Expectation } from "../model/model.ts";
import { objectMatcher } from "../model/object-pattern.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject, ObjectKind } from "../privileges/catalog-object.ts";
import { isPrivilegeName, type PrivilegeName } from "../privileges/privilege.ts";
import {
  databasePrivilege,
  explained,
  onAllColumns,
  onAnyColumn,
  roleMembership,
  routinePrivilege,
  schemaPrivilege,
  sequencePrivilege,
  tablePrivilege,
} from "./attempts.ts";
import { type Expectations, ownsNow } from "./expectations.ts";
import { labelOf, type ProbeSource } from "./object-probes.ts";
import type { Attempt, Probe, Question } from "./probe.ts";
import { probeStatement } from "./statements.ts";

/** The probe of one expectation; always one, and an unknown one when there is nothing to try it on. */
export function promisedProbe(source: Omit<ProbeSource, "role">, expectation: Expectation): Probe {
  const { role, action, object, expected } = expectation;
  const { attempt, row, found } = attemptOf({ ...source, role }, expectation);
  return {
    row,
    role,
    action,
    object: found ? labelOf(found) : object,
    schema: found?.kind === "schema" ? found.name : found?.schema,
    expected,
    promised: true,
    attempt,
  };
}

interface Tried {
  row: number;
  attempt: Attempt;
  found?: CatalogObject | undefined;
}

/** Objects that an action is about, and the row of the matrix that it belongs to. */
const ABOUT: Readonly<Record<string, { row: number; kinds: readonly ObjectKind[] }>> = {
  select: { row: 2, kinds: ["table", "sequence"] },
  insert: { row: 3, kinds: ["table"] },
  update: { row: 3, kinds: ["table", "sequence"] },
  delete: { row: 3, kinds: ["table"] },
  truncate: { row: 5, kinds: ["table"] },
  references: { row: 7, kinds: ["table"] },
  trigger: { row: 7, kinds: ["table"] },
  maintain: { row: 5, kinds: ["table"] },
  alter: { row: 6, kinds: ["table", "sequence"] },
  drop: { row: 6, kinds: ["table", "sequence", "routine"] },
  execute: { row: 17, kinds: ["routine"] },
  nextval: { row: 16, kinds: ["sequence"] },
  currval: { row: 16, kinds: ["sequence"] },
  setval: { row: 16, kinds: ["sequence"] },
  usage: { row: 8, kinds: ["schema", "sequence"] },
  "create in": { row: 8, kinds: ["schema"] },
  create: { row: 8, kinds: ["schema", "database"] },
  connect: { row: 1, kinds: ["database"] },
  temporary: { row: 10, kinds: ["database"] },
  "create temporary": { row: 10, kinds: ["database"] },
};

const SEQUENCE_RIGHTS: Readonly<Record<string, readonly PrivilegeName[]>> = {
  nextval: ["usage", "update"],
  currval: ["usage", "select"],
  setval: ["update"],
  select: ["select"],
  update: ["update"],
  usage: ["usage"],
};

function attemptOf(source: ProbeSource, { action, object: written }: Expectation): Tried {
  const { expectations, role } = source;
  const { snapshot } = expectations;
  if (action === "set role") return becoming(role, written, snapshot);
  if (action === "set parameter" || action === "set" || action === "alter system")
    return parameter(role, { action, written, snapshot });
  const about = ABOUT[action];
  const row = about?.row ?? 2;
  const found = about && findObject(snapshot, about.kinds, written);
  if (!found) return { row, attempt: { kind: "none", why: "there is no such object" } };
  return { row, found, attempt: attemptOn(source, action, found) };
}

function becoming(role: string, target: string, { roles, major }: Snapshot): Tried {
  if (!roles.get(target)?.addressable) return { row: 15, attempt: { kind: "none", why: "there is no such role" } };
  if (role !== PUBLIC) return { row: 15, attempt: { kind: "become", role: target } };
  const sql = roleMembership("public", target, major >= 16 ? "set" : "member");
  return { row: 15, attempt: { kind: "ask", question: sql, why: "PUBLIC cannot be acted as" } };
}

function parameter(
  role: string,
  { action, written, snapshot }: { action: string; written: string; snapshot: Snapshot },
): Tried {
  const row = action === "alter system" ? 23 : 22;
  const privilege = action === "alter system" ? "alter system" : "set";
  if (snapshot.major < 15) {
    const why = "up to version 14 nobody but a superuser has rights on parameters";
    return { row, attempt: { kind: "known", allowed: snapshot.roles.get(role)?.superuser ?? false, why } };
  }
  const sql = `select pg_catalog.has_parameter_privilege(${literal(nameOf(role))}, ${literal(written)}, ${literal(privilege)})`;
  return { row, attempt: { kind: "ask", question: sql, why: "the setting is not touched" } };
}

function nameOf(role: string): string {
  return role === PUBLIC ? "public" : role;
}

function attemptOn(source: ProbeSource, action: string, object: CatalogObject): Attempt {
  const { expectations, role, freshName } = source;
  const name = nameOf(role);
  const ask = (question: Question, why: string): Attempt => ({ kind: "ask", question, why });
  if (role === PUBLIC) return ask(asked(name, action, object), "PUBLIC cannot be acted as");
  if (action === "create in" || (action === "create" && object.kind === "schema")) {
    return { kind: "run", sql: probeStatement("create table", { schema: object.sql, name: ident(freshName) }) };
  }
  if (action === "temporary" || action === "create temporary") {
    return { kind: "run", sql: probeStatement("create temporary table", { name: ident(freshName) }) };
  }
  if (action === "alter" || action === "drop") return definition(expectations, { role, action, object });
  if (
    object.kind === "table" &&
    (action === "select" || action === "insert" || action === "update" || action === "delete")
  ) {
    return manipulation(source, action, object);
  }
  return ask(asked(name, action, object), "it is not done where it would have an effect");
}

function asked(name: string, action: string, object: CatalogObject): Question {
  switch (object.kind) {
    case "sequence":
      return sequencePrivilege(name, object, SEQUENCE_RIGHTS[action] ?? ["usage"]);
    case "routine":
      return routinePrivilege(name, object);
    case "schema":
      return schemaPrivilege(name, object.name, action === "usage" ? "usage" : "create");
    case "database":
      return databasePrivilege(name, object.oid, action === "create temporary" ? "temporary" : privilegeOf(action));
    default:
      return tablePrivilege(name, object, privilegeOf(action));
  }
}

function privilegeOf(action: string): PrivilegeName {
  return isPrivilegeName(action) ? action : "select";
}

/** A refused INSERT on all columns may still work on one, so what must not be is tried in the form that needs least. */
function manipulation(
  source: ProbeSource,
  action: "select" | "insert" | "update" | "delete",
  object: CatalogObject,
): Attempt {
  const { expectations, surroundings, role } = source;
  const isPlain = object.subkind === "table" || object.subkind === "partitioned table";
  const desired = expectations.objects.find((each) => each.object === object);
  const runsAnyway = desired !== undefined && expectations.extent(role, desired, "select") !== "none";
  const hazard = surroundings.hazardFor(object, { role, graph: expectations.present, runsAnyway });
  const isTried = hazard === undefined && (action === "select" || (isPlain && !surroundings.hasRules(object)));
  if (!isTried) {
    return {
      kind: "ask",
      question: tablePrivilege(role, object, action),
      why: hazard ?? "rules or a view stand between statement and table",
    };
  }
  const extent = desired === undefined ? "all" : expectations.extent(role, desired, action);
  const columns = object.columnNames ?? [];
  if (action === "update" && columns.length === 0)
    return { kind: "ask", question: tablePrivilege(role, object, action), why: "the table has no columns" };
  const least = extent === "none" ? onAnyColumn(action, object) : undefined;
  return explained(least ?? onAllColumns(action, object, columns));
}

function definition(
  expectations: Expectations,
  { role, action, object }: { role: string; action: string; object: CatalogObject },
): Attempt {
  const home = expectations.snapshot.objects.schema.find(({ name }) => name === object.schema);
  const owns =
    ownsNow(expectations, role, object) ||
    (action === "drop" && home !== undefined && ownsNow(expectations, role, home));
  if (owns)
    return { kind: "known", allowed: true, why: "it has the owner's rights, so it is not tried on what is in use" };
  const what = object.kind === "table" ? (object.subkind ?? "table").replace("partitioned ", "") : object.kind;
  // ALTER TABLE takes every kind of relation.
  const name = action === "alter" && object.kind === "table" ? "alter table" : `${action} ${what}`;
  return { kind: "run", sql: probeStatement(name, { object: object.sql }) };
}

/** "app.orders", "app.total(integer)", "app": as written in the file, without quotes. */
function findObject(
  { objects, database }: Snapshot,
  kinds: readonly ObjectKind[],
  written: string,
): CatalogObject | undefined {
  for (const kind of kinds) {
    const found = objects[kind].find((object) =>
      kind === "database"
        ? object.name === written && object.name === database
        : [object.name, `${object.schema}.${object.name}`].at(object.schema === undefined ? 0 : 1) === written,
    );
    if (found) return found;
  }
  if (!kinds.includes("routine")) return undefined;
  const dot = written.indexOf(".");
  const matches = objectMatcher({ kind: "routine", schema: written.slice(0, dot), patterns: [written.slice(dot + 1)] });
  return dot > 0 ? objects.routine.find(matches) : undefined;
}

/** Calls a routine with NULL for every argument, as the role; it runs for real and is rolled back. */
export function callProbes({ expectations, role }: ProbeSource): Probe[] {
  const { model, snapshot } = expectations;
  const listed = new Set(model.verify.callable.flatMap((written) => findObject(snapshot, ["routine"], written) ?? []));
  return expectations.objects
    .filter(({ object }) => listed.has(object))
    .map((desired): Probe => {
      const { object } = desired;
      const isAllowed = expectations.extent(role, desired, "execute") === "all";
      const open = object.name.indexOf("(");
      const types = object.name.slice(open + 1, -1);
      const count = types === "" ? 0 : types.split(", ").length;
      const target = object.sql.slice(0, object.sql.lastIndexOf("("));
      const call = `${target}(${Array.from({ length: count }, () => "null").join(", ")})`;
      const verb = object.subkind === "procedure" ? "call" : "select";
      return {
        row: 17,
        role,
        action: "call",
        object: labelOf(object),
        schema: object.schema,
        expected: isAllowed ? "allowed" : "refused",
        attempt: { kind: "run", sql: `${verb} ${call}` },
      };
    });
}
