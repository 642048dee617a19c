/** [ACC-07] Databases with random rights are described by a model that finds nothing to do in them. */
import { expect, it } from "vitest";
import { inspect } from "../../../../src/access/catalog/inspect.ts";
import { describeSnapshot } from "../../../../src/access/import/describe.ts";
import { readModel } from "../../../../src/access/model/read.ts";
import { makePlan } from "../../../../src/access/plan/make-plan.ts";
import { startCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

/** A small generator with a seed, so that a failure can be repeated. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

const ROLES = ["r1", "r2", "r3", '"R 4"'] as const;
const TABLES = ["a", "b", "c", '"D d"', "v"] as const;

function randomStatements(random: () => number, schema: string, count: number): string[] {
  const pick = <T>(values: readonly [T, ...T[]]): T => values[Math.floor(random() * values.length)] ?? values[0];
  const role = () => pick<string>([...ROLES, "public"]);
  const managed = () => pick(ROLES);
  const table = () => `${schema}.${pick(TABLES)}`;
  const option = (to: string) => (to !== "public" && random() < 0.3 ? " with grant option" : "");
  const makers: readonly [() => string, ...(() => string)[]] = [
    () =>
      ((to) =>
        `grant ${pick(["select", "insert", "update", "delete", "truncate", "all"])} on ${table()} to ${to}${option(to)}`)(
        role(),
      ),
    () =>
      ((to) =>
        `grant ${pick(["select (id)", "update (name)", "insert (id, name)", "references (id)"])} on ${table()} to ${to}${option(to)}`)(
        role(),
      ),
    () => `revoke ${pick(["select", "insert", "all"])} on ${table()} from ${role()} cascade`,
    () =>
      ((to) =>
        `grant ${pick(["select", "insert, update", "delete"])} on all tables in schema ${schema} to ${to}${option(to)}`)(
        role(),
      ),
    () => ((to) => `grant ${pick(["usage", "create", "all"])} on schema ${schema} to ${to}${option(to)}`)(role()),
    () => `revoke execute on function ${schema}.${pick(["f()", "g(integer)"])} from ${role()} cascade`,
    () => `grant execute on all routines in schema ${schema} to ${role()}`,
    () => `grant usage on sequence ${schema}.s to ${role()}`,
    () => `revoke usage on type ${schema}.mood from ${role()} cascade`,
    () => `alter table ${schema}.${pick(["a", "b", "c"])} owner to ${managed()}`,
    () => `alter schema ${schema} owner to ${managed()}`,
    () =>
      `alter default privileges for role ${managed()} in schema ${schema} grant ${pick(["select", "insert, delete"])} on tables to ${role()}`,
    () =>
      `alter default privileges for role ${managed()} ${pick(["grant", "revoke"])} execute on routines ${"to"} ${role()}`.replace(
        "revoke execute on routines to",
        "revoke execute on routines from",
      ),
    () =>
      `alter table ${schema}.${pick(["a", "b"])} ${pick(["enable", "force", "disable", "no force"])} row level security`,
  ];
  return Array.from({ length: count }, () => pick(makers)());
}

it.each([14, 16, 18] as const)("[ACC-07] PostgreSQL %i: 40 random schemas", async (major) => {
  await using cluster = await startCluster({ major });
  const database = await cluster.createDatabase();
  await cluster.sql(`create role r1; create role r2; create role r3; create role "R 4"; grant r1 to r2;`);
  const random = randomFrom(7_000 + major);
  for (let number = 0; number < 40; number++) {
    const schema = `s${number}`;
    const make = `create schema ${schema}; create table ${schema}.a (id integer, name text); create table ${schema}.b (id integer, name text);
      create table ${schema}.c (id integer, name text); create table ${schema}."D d" (id integer, name text);
      create view ${schema}.v as select * from ${schema}.a; create sequence ${schema}.s; create type ${schema}.mood as enum ('ok');
      create function ${schema}.f() returns integer language sql as 'select 1';
      create function ${schema}.g(integer) returns integer language sql as 'select 1';`;
    await cluster.sql(make, { database });
    const statements = randomStatements(random, schema, 12);
    await cluster.sql(`${statements.join(";\n")};`, { database });
  }
  await using session = await connectTo(cluster, { database });
  const snapshot = await inspect(session);
  const { text } = describeSnapshot(snapshot);
  for (const mode of ["adopt", "authoritative", "additive"]) {
    const model = await readModel(text.replace("mode: adopt", `mode: ${mode}`), { file: "imported.yaml" });
    const plan = await makePlan(model, snapshot, {});
    expect({
      mode,
      statements: plan.statements.map(({ sql }) => sql),
      blocked: plan.blocked.map(({ sql }) => sql),
    }).toEqual({
      mode,
      statements: [],
      blocked: [],
    });
  }
});
