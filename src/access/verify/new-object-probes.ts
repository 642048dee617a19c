/**
 * Probes of what does not exist yet: rows 27 to 29 of the matrix, the proof that default privileges work.
 *
 * Every creator of the model makes a table with a serial column and a function in every schema that its defaults speak
 * of; then each role is held against what the model promises about new objects. All of it is rolled back.
 */
import { ident, literal } from "../../pg/identifiers.ts";
import { PUBLIC } from "../privileges/acl.ts";
import { type PrivilegeName, privilegeSet } from "../privileges/privilege.ts";
import { explained, type Manipulation } from "./attempts.ts";
import type { Expectations } from "./expectations.ts";
import type { ProbeSource } from "./object-probes.ts";
import { type Attempt, type Expected, expectedIf, type Probe } from "./probe.ts";
import { probeStatement } from "./statements.ts";

/** Objects that one creator makes in one schema. */
export interface NewObjects {
  creator: string;
  /** Who logs in to act as the creator: its migrator, or the creator itself. */
  login: string;
  schema: string;
  /** Bare name of table and function. */
  name: string;
}

/** What is going to be made, in a fixed order. `nonce` makes the names new. */
export function newObjects(expectations: Expectations, nonce: string): NewObjects[] {
  const { model, snapshot, wanted } = expectations;
  const creators = new Set(model.defaults.map(({ creator }) => creator));
  const present = (name: string): boolean => snapshot.roles.get(name)?.addressable ?? false;
  const schemas = snapshot.objects.schema.filter(({ name }) => model.schemas.has(name)).map(({ name }) => name);
  return [...creators]
    .filter((creator) => present(creator) && !wanted.isSuperuser(creator))
    .flatMap((creator, index) => {
      const migrator = [...model.roles.values()].find(({ runAs, name }) => runAs === creator && present(name));
      const named = model.defaults.filter((rule) => rule.creator === creator);
      return schemas
        .filter((schema) => named.some((rule) => rule.schema === undefined || rule.schema === schema))
        .filter((schema) => mayCreate(expectations, creator, schema))
        .map((schema) => ({
          creator,
          login: migrator?.name ?? creator,
          schema,
          name: `pgkeep_probe_${nonce}_${index}`,
        }));
    });
}

/** Defaults may speak of every schema; those in which the creator makes nothing are no matter of theirs. */
function mayCreate(expectations: Expectations, creator: string, schema: string): boolean {
  const desired = expectations.schema(schema);
  return desired !== undefined && (expectations.privileges(creator, desired) & privilegeSet(["create"])) !== 0;
}

/** The statements by which a creator makes them. */
export function creationStatements({ schema, name }: NewObjects): string[] {
  const names = { schema: ident(schema), name: ident(name) };
  return [probeStatement("create serial table", names), probeStatement("create function", names)];
}

/** What `role` must and must not be able to do with them. */
export function newObjectProbes({ expectations, role }: ProbeSource, made: readonly NewObjects[]): Probe[] {
  return made.flatMap((objects) => {
    const { creator, schema } = objects;
    const may = (on: NewKind): ((any: readonly PrivilegeName[]) => Expected) => {
      const { usesSchema, privileges } = expectations.privilegesOnNew(role, { creator, schema, on });
      return (any) => expectedIf(usesSchema && (privileges & privilegeSet(any)) !== 0);
    };
    const mayOnTable = may("tables");
    const base = { row: 27, role, schema };
    const why = "it is asked of an object that was made and undone";
    return [
      ...MANIPULATIONS.map(
        ({ action, statement }): Probe => ({
          ...base,
          action,
          object: `new table of ${creator} in ${schema}`,
          expected: mayOnTable([action]),
          attempt: explained(statement(tableName(objects))),
        }),
      ),
      {
        ...base,
        action: "nextval",
        object: `new sequence of ${creator} in ${schema}`,
        expected: may("sequences")(["usage", "update"]),
        attempt: ask(objects, { of: "sequence", condition: usable(role, mayDraw(role)), why }),
      },
      {
        ...base,
        action: "execute",
        object: `new function of ${creator} in ${schema}`,
        expected: may("routines")(["execute"]),
        attempt: ask(objects, { of: "routine", condition: usable(role, mayExecute(role)), why }),
      },
    ];
  });
}

type NewKind = "tables" | "sequences" | "routines";

function mayDraw(role: string): string {
  return `pg_catalog.has_sequence_privilege(${literal(role)}, o.oid, 'usage, update')`;
}

function mayExecute(role: string): string {
  return `pg_catalog.has_function_privilege(${literal(role)}, o.oid, 'execute')`;
}

/** What everybody may do with them, and whom they belong to. Asked as the login that made them. */
export function newObjectProbesOfAll(expectations: Expectations, made: readonly NewObjects[]): Probe[] {
  return made.flatMap((objects) => [...probesOfPublic(expectations, objects), ownerProbe(objects)]);
}

function probesOfPublic(expectations: Expectations, objects: NewObjects): Probe[] {
  const { creator, schema } = objects;
  const may = (on: NewKind, any: readonly PrivilegeName[]): Expected => {
    const { privileges } = expectations.privilegesOnNew(PUBLIC, { creator, schema, on });
    return expectedIf((privileges & privilegeSet(any)) !== 0);
  };
  const why = "PUBLIC cannot be acted as";
  const anything = "pg_catalog.has_table_privilege('public', o.oid, 'select, insert, update, delete')";
  return [
    {
      row: 27,
      role: PUBLIC,
      action: "anything",
      object: `new table of ${creator} in ${schema}`,
      schema,
      expected: may("tables", ["select", "insert", "update", "delete"]),
      attempt: ask(objects, { of: "table", condition: anything, why }),
    },
    {
      row: 28,
      role: PUBLIC,
      action: "execute",
      object: `new function of ${creator} in ${schema}`,
      schema,
      expected: may("routines", ["execute"]),
      attempt: ask(objects, { of: "routine", condition: mayExecute("public"), why }),
    },
  ];
}

function ownerProbe(objects: NewObjects): Probe {
  const { creator, login, schema } = objects;
  const condition = `pg_catalog.pg_get_userbyid(o.relowner) = ${literal(creator)}`;
  return {
    row: 29,
    role: login,
    action: `leave what it makes to ${creator}`,
    object: `new table in ${schema}`,
    schema,
    expected: "allowed",
    attempt: ask(objects, { of: "table", condition, why: "the owner stands in the catalog" }),
  };
}

/** What a failed creation means: the creator cannot do what its defaults are about. */
export function creationProbe(objects: NewObjects): Probe {
  const { creator, login, schema } = objects;
  return {
    row: 27,
    role: login,
    action: `make a table as ${creator} in`,
    object: `schema ${schema}`,
    schema,
    expected: "allowed",
    attempt: { kind: "run", sql: creationStatements(objects).join("; ") },
  };
}

const MANIPULATIONS: readonly { action: Manipulation; statement: (table: string) => string }[] = [
  { action: "select", statement: (table) => `select id, note from ${table} where false` },
  { action: "insert", statement: (table) => `insert into ${table} (id, note) values (default, default)` },
  { action: "update", statement: (table) => `update ${table} set id = default, note = default where false` },
  { action: "delete", statement: (table) => `delete from ${table} where false` },
];

function tableName({ schema, name }: NewObjects): string {
  return `${ident(schema)}.${ident(name)}`;
}

interface Asking {
  of: "table" | "sequence" | "routine";
  /** About `o`, the object, in the schema `n`. */
  condition: string;
  why: string;
}

/**
 * A question about the new sequence, table or function. It is found by name, and not by a cast, which whoever may not
 * use the schema is refused.
 */
function ask({ schema, name }: NewObjects, { of, condition, why }: Asking): Attempt {
  const inSchema = `join pg_catalog.pg_namespace as n on n.nspname = ${literal(schema)} and`;
  const relation = of === "sequence" ? `${name}_id_seq` : name;
  const question =
    of === "routine"
      ? `select ${condition} from pg_catalog.pg_proc as o ${inSchema} n.oid = o.pronamespace where o.proname = ${literal(name)}`
      : `select ${condition} from pg_catalog.pg_class as o ${inSchema} n.oid = o.relnamespace where o.relname = ${literal(relation)}`;
  return { kind: "ask", question, why };
}

/** USAGE on the schema is part of every right on what stands in it. */
function usable(role: string, condition: string): string {
  return `pg_catalog.has_schema_privilege(${literal(role)}, n.oid, 'usage') and ${condition}`;
}
