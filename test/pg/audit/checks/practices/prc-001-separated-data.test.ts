/** PRC-001: every way in which one session reaches two sets of data, and the ways that end before. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/prc-001-separated-data.ts";
import type { CheckOutcome } from "../../../../../src/audit/run/result.ts";
import type { Session } from "../../../../../src/pg/session.ts";
import { objectsOf, outcomeOn } from "../../../../support/audited.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

const SEPARATIONS = [["medical", "marketing"]] as const;

const SETS = `
  create schema medical; create table medical.patients (id int, name text);
  create schema marketing; create table marketing.contacts (id int, email text);
  create schema other;
  create role doctor; grant usage on schema medical to doctor; grant select on medical.patients to doctor;
  create role seller; grant usage on schema marketing to seller; grant select on marketing.contacts to seller;`;

/** What makes the login "app" reach both, and what takes that away again. */
const WAYS: Record<string, [string, string]> = {
  "a member of both": ["grant doctor, seller to app", "revoke seller from app"],
  "granted itself, by a column": [
    "grant usage on schema medical, marketing to app; grant select (name) on medical.patients to app; grant insert on marketing.contacts to app",
    "revoke all on schema marketing from app",
  ],
  "an owner here and everybody there": [
    "alter table medical.patients owner to app; grant usage on schema medical to app; grant usage on schema marketing to public; grant select on marketing.contacts to public",
    "revoke usage on schema marketing from public",
  ],
  "through a view with its owner's rights": [
    "grant doctor to app; grant usage on schema other to app; create view other.v as select * from marketing.contacts; create view other.w as select * from other.v; grant select on other.w to app",
    "revoke select on other.w from app",
  ],
  "through a function with its owner's rights": [
    "grant doctor to app; grant usage on schema other to app; create function other.f() returns bigint language plpgsql security definer as 'begin return (select count(*) from marketing.contacts); end'",
    "revoke execute on function other.f() from public",
  ],
  "through a function of standard SQL": [
    "grant doctor to app; grant usage on schema other to app; create function other.g() returns bigint language sql security definer begin atomic select count(*) from marketing.contacts; end",
    "alter function other.g() security invoker",
  ],
  "a reader of all data": ["grant pg_read_all_data to app", "revoke pg_read_all_data from app"],
  "one that can become superuser": ["create role boss superuser; grant boss to app", "revoke boss from app"],
};

/** Looks alike: the login "app" does not get there. */
const DEAD_ENDS: Record<string, string> = {
  "one set alone": "grant doctor to app",
  "a table without its schema": "grant doctor to app; grant select on marketing.contacts to app",
  "a schema without its tables": "grant doctor to app; grant usage on schema marketing to app",
  "a view without its schema":
    "grant doctor to app; create view other.v as select * from marketing.contacts; grant select on other.v to app",
  "a function that names nothing of it":
    "grant doctor to app; grant usage on schema other to app; create function other.f() returns int language sql security definer as 'select 1'",
  "a function with the caller's rights":
    "grant doctor to app; grant usage on schema other to app; create function other.f() returns bigint language plpgsql as 'begin return (select count(*) from marketing.contacts); end'",
  "a definer without the right":
    "grant doctor to app; create role poor; grant usage, create on schema other to poor; grant usage on schema other to app; set role poor; create function other.f() returns bigint language plpgsql security definer as 'begin return (select count(*) from marketing.contacts); end'; reset role",
  "a superuser": "alter role app superuser",
};

describe.each(availableMajors())("PRC-001 separated data on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    session = await connectTo(cluster);
  });
  afterAll(async () => {
    await session.close();
    await cluster.stop();
  });

  async function within(setup: string, work: () => Promise<void>): Promise<void> {
    await session.script(`begin; ${SETS} create role app login; ${setup}`);
    try {
      await work();
    } finally {
      await session.script("rollback");
    }
  }

  const run = (separations: readonly (readonly [string, string])[] = SEPARATIONS): Promise<CheckOutcome> =>
    outcomeOn(session, check, { declared: { separations } });

  it.each(Object.entries(WAYS))(
    "fires on a login that is %s, and no longer when that was taken away",
    async (_, [way, cure]) => {
      await within(way, async () => {
        expect(objectsOf(await run())).toEqual(["role app: medical and marketing"]);
        await session.script("create role lab_plain; set local role lab_plain");
        expect(objectsOf(await run())).toEqual(["role app: medical and marketing"]);
        await session.script(`reset role; ${cure}`);
        expect(objectsOf(await run())).toEqual([]);
      });
    },
  );

  it.each(Object.entries(DEAD_ENDS))("is silent on %s", async (_, setup) => {
    await within(setup, async () => {
      expect(objectsOf(await run())).toEqual([]);
    });
  });

  it.for(major >= 15 ? [major] : [])("is silent on a view with its caller's rights", async () => {
    const view = "create view other.v with (security_invoker = on) as select * from marketing.contacts";
    await within(
      `grant doctor to app; grant usage on schema other to app; ${view}; grant select on other.v to app`,
      async () => {
        expect(objectsOf(await run())).toEqual([]);
      },
    );
  });

  it.for(major >= 16 ? [major] : [])("follows the options of memberships", async () => {
    await within("grant doctor to app; grant seller to app with inherit false, set false", async () => {
      expect(objectsOf(await run())).toEqual([]);
      await session.script("grant seller to app with set true");
      expect(objectsOf(await run())).toEqual(["role app: medical and marketing"]);
    });
  });

  it("fires on a login that may go on to another database over a bridge", async () => {
    await within("grant doctor to app", async () => {
      const across = [["medical", "template1.crm"]] as const;
      expect(objectsOf(await run(across))).toEqual([]);
      await session.script("create schema ext; create extension dblink with schema ext");
      expect(await run(across)).toMatchObject({
        found: [{ object: "role app: medical and template1.crm", severity: "medium" }],
      });
      await session.script("revoke connect on database template1 from public");
      expect(objectsOf(await run(across))).toEqual([]);
    });
  });

  it("does not concern a server without declarations, or a database without the schemas", async () => {
    expect(await outcomeOn(session, check)).toMatchObject({ status: "not_applicable" });
    expect(await run()).toMatchObject({ status: "not_applicable" });
  });
});
