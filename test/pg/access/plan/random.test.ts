/**
 * Whatever a database looks like, its plan brings it to the model and leaves nothing for a second plan.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../../../src/pg/session.ts";
import { planOf, runPlan, sqlOf } from "../../../support/access-plan.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { type RandomRound, randomRound } from "../../../support/random-plan.ts";

/** 25 schemas in each of 4 rounds on each of 5 majors: 500 states. */
const SCHEMAS = 25;
const MODES = ["adopt", "authoritative", "adopt", "additive"] as const;

describe.each(availableMajors())("[ACC-07] a random state of PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  let database: string;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    database = await cluster.createDatabase();
    session = await connectTo(cluster, { database });
  });
  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  it.each(MODES.map((mode, index) => ({ mode, seed: major * 100 + index })))(
    "is as the model says after one plan, in mode $mode (seed $seed)",
    { timeout: 120_000 },
    async ({ mode, seed }) => {
      const round = randomRound(seed, { major, database, schemas: SCHEMAS, mode });
      await session.script(round.setup);
      const options = { cascade: true, includeDefiner: true };
      const first = await planOf(session, round.model, options);
      await runPlan(session, first);
      const second = await planOf(session, round.model, options);
      expect(sqlOf(second)).toEqual([]);
      expect(
        second.blocked.map(({ sql }) => sql).filter((sql) => !first.blocked.some((blocked) => blocked.sql === sql)),
      ).toEqual([]);
      // Who granted it and has the owner's rights by now cannot take it back; everything else must have gone.
      expect(first.blocked.filter(({ needs }) => !needs.includes("after role"))).toEqual([]);
      if (mode !== "additive" && first.blocked.length === 0) expect(await unexpected(session, round)).toEqual([]);
    },
  );
});

/** Tables where a role of the model has directly what it should not, or not what it should. */
async function unexpected(session: Session, { expected }: RandomRound): Promise<string[]> {
  const rows = await session.query(`
    select n.nspname || '.' || c.relname as table, r.rolname as role,
           (select pg_catalog.string_agg(distinct pg_catalog.lower(a.privilege_type), ',' order by pg_catalog.lower(a.privilege_type))
              from pg_catalog.aclexplode(c.relacl) as a where a.grantee = r.oid) as held
      from pg_catalog.pg_class as c
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      cross join pg_catalog.pg_roles as r
     where c.relkind in ('r', 'p', 'v') and c.relowner <> r.oid and r.rolname ~ '^p[0-9]+_r[0-5]$'`);
  const known = new Set([...expected.keys()].map((key) => key.split("_")[0]));
  return rows.flatMap(({ table, role, held }) => {
    if (!known.has(String(role).split("_")[0]) || !known.has(String(table).split("_")[0])) return [];
    const wanted = (expected.get(`${table} ${role}`) ?? []).join(",");
    return wanted === (held ?? "") ? [] : [`${table} ${role}: wanted ${wanted}, has ${held}`];
  });
}
