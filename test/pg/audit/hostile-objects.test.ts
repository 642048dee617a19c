/**
 * [U-04] [U-06] Names that break tools, as names of everything that checks of functions, row security and secrets name: the
 * finding tells them apart, and the statements of its fix do what they say on exactly that object.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Check } from "../../../src/audit/check.ts";
import fun001 from "../../../src/audit/checks/database/fun-001-definer-without-search-path.ts";
import fun002 from "../../../src/audit/checks/database/fun-002-definer-writable-path.ts";
import fun003 from "../../../src/audit/checks/database/fun-003-definer-temp-not-last.ts";
import fun004 from "../../../src/audit/checks/database/fun-004-definer-of-superuser.ts";
import rls002 from "../../../src/audit/checks/database/rls-002-policies-not-enabled.ts";
import rls006 from "../../../src/audit/checks/database/rls-006-view-around-policies.ts";
import rls008 from "../../../src/audit/checks/database/rls-008-unfiltered-privileges.ts";
import rls013 from "../../../src/audit/checks/database/rls-013-sensitive-columns.ts";
import sec001 from "../../../src/audit/checks/practices/sec-001-mapping-password.ts";
import sec002 from "../../../src/audit/checks/practices/sec-002-option-password.ts";
import sec005 from "../../../src/audit/checks/practices/sec-005-secret-setting.ts";
import sec007 from "../../../src/audit/checks/practices/sec-007-credential-in-comment.ts";
import sec013 from "../../../src/audit/checks/practices/sec-013-credential-in-role-comment.ts";
import sec016 from "../../../src/audit/checks/practices/sec-016-mapping-for-public.ts";
import type { Fix } from "../../../src/audit/fix.ts";
import { ident } from "../../../src/pg/identifiers.ts";
import type { Session } from "../../../src/pg/session.ts";
import { foundOf, outcomeOn } from "../../support/audited.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { HOSTILE_NAMES } from "../../support/hostile-names.ts";

/** Names that roles, schemas and columns can have besides those that the server makes itself. */
const NAMES = HOSTILE_NAMES.filter((name) => name !== "public");

interface Hostile {
  check: Check;
  /** Once, before the names. */
  ahead?: string;
  /** One defect with the name; `number` is its place. */
  plant: (name: string, number: number) => string;
}

const HOSTILE: readonly Hostile[] = [
  {
    check: fun001,
    plant: (n) => `create schema ${n}; create type ${n}.${n} as (a int);
      create function ${n}.${n}(${n}.${n}, ${n}.${n}[]) returns int language sql security definer as 'select 1'`,
  },
  {
    check: fun002,
    ahead: "create schema lab",
    plant: (n, i) => `create schema ${n}; grant create on schema ${n} to public;
      create function lab.f${i}() returns int language sql security definer set search_path = pg_catalog, ${n}, pg_temp as 'select 1'`,
  },
  {
    check: fun003,
    plant: (n) => `create schema ${n};
      create function ${n}.${n}() returns int language sql security definer set search_path = ${n} as 'select 1'`,
  },
  {
    check: fun004,
    plant: (n) => `create schema ${n}; create role ${n};
      create function ${n}.${n}() returns int language sql security definer as 'select 1';
      revoke execute on function ${n}.${n}() from public; grant execute on function ${n}.${n}() to ${n}`,
  },
  {
    check: rls002,
    plant: (n) => `create schema ${n}; create table ${n}.${n} (id int); create policy ${n} on ${n}.${n} using (id > 0)`,
  },
  {
    check: rls006,
    ahead: "create role lab_r; create table public.lab_t (id int); alter table public.lab_t enable row level security",
    plant: (n) =>
      `create schema ${n}; create view ${n}.${n} as select id from public.lab_t; grant select on ${n}.${n} to lab_r`,
  },
  {
    check: rls008,
    plant: (n) => `create schema ${n}; create role ${n}; create table ${n}.${n} (id int);
      alter table ${n}.${n} enable row level security; grant truncate on ${n}.${n} to ${n}`,
  },
  {
    check: rls013,
    plant: (n) =>
      `create schema ${n}; create role ${n}; create table ${n}.${n} (${n} int, ssn text); grant select on ${n}.${n} to ${n}`,
  },
  {
    check: sec001,
    ahead: "create foreign data wrapper lab_w",
    plant: (n) => `create role ${n}; create server ${n} foreign data wrapper lab_w;
      create user mapping for ${n} server ${n} options (password 'x')`,
  },
  {
    check: sec002,
    ahead: "create foreign data wrapper lab_w",
    plant: (n) => `create schema ${n};
      create server ${n} foreign data wrapper lab_w options (password 'x');
      create foreign table ${n}.${n} (id int) server ${n} options (secret 'x')`,
  },
  {
    check: sec005,
    plant: (n) =>
      `create role ${n}; alter role ${n} in database postgres set app.jwt_secret = 'abc'; alter role ${n} set app.token = 'abc'`,
  },
  {
    check: sec007,
    plant: (n) => `create schema ${n}; create table ${n}.${n} (${n} int); comment on schema ${n} is 'password: a1b2c3';
      comment on table ${n}.${n} is 'password: a1b2c3'; comment on column ${n}.${n}.${n} is 'password: a1b2c3'`,
  },
  { check: sec013, plant: (n) => `create role ${n}; comment on role ${n} is 'password: a1b2c3'` },
  {
    check: sec016,
    ahead: "create foreign data wrapper lab_w",
    plant: (n) => `create server ${n} foreign data wrapper lab_w;
      create user mapping for public server ${n} options (user 'x')`,
  },
];

describe("[U-04] [U-06] hostile names", () => {
  let cluster: TestCluster;
  let session: Session;

  beforeAll(async () => {
    cluster = await startCluster({ major: 18 });
    session = await connectTo(cluster);
  });

  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  it.each(HOSTILE)(
    "$check.id finds every one by its own name, and its statements end every finding",
    async ({ check, ahead, plant }) => {
      await session.script("begin");
      try {
        await session.script(ahead ?? "select 1");
        for (const [number, name] of NAMES.entries()) await session.script(plant(ident(name), number));
        const found = foundOf(await outcomeOn(session, check));
        expect(new Set(found.map(({ object }) => object)).size).toBe(found.length);
        expect(found.length).toBeGreaterThanOrEqual(NAMES.length);
        // One statement per call: a name that ended one and began another would be refused.
        for (const statement of found.flatMap(({ fix }) => statementsOf(fix))) await session.query(statement);
        expect(await outcomeOn(session, check)).toEqual({ status: "pass" });
      } finally {
        await session.script("rollback");
      }
    },
  );
});

function statementsOf(fix: Fix | undefined): readonly string[] {
  if (fix?.kind === "sql") return fix.sql;
  if (fix?.kind === "revoke") return [fix.sql];
  throw new Error("the finding has no statements");
}
