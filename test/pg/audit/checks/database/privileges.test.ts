/** Checks of privileges where they need databases, template1, declarations or somebody who is no superuser. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import prv001 from "../../../../../src/audit/checks/database/prv-001-create-in-public.ts";
import prv004 from "../../../../../src/audit/checks/database/prv-004-public-connect.ts";
import prv005 from "../../../../../src/audit/checks/database/prv-005-public-temporary.ts";
import prv015 from "../../../../../src/audit/checks/database/prv-015-parameter-privileges.ts";
import prv018 from "../../../../../src/audit/checks/database/prv-018-template-altered.ts";
import type { Session } from "../../../../../src/pg/session.ts";
import { foundOf, objectsOf, outcomeAt, outcomeOn } from "../../../../support/audited.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

describe.each(availableMajors())("PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  let session: Session;

  beforeAll(async () => {
    cluster = await startCluster({ major });
    session = await connectTo(cluster);
    await session.script("create role lab_owner login password 'd9b71e4c0a'; create role lab_app login");
    await cluster.createDatabase('Shop "1"', "owner lab_owner");
  });

  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  describe("a database as CREATE DATABASE makes it", () => {
    it.each([
      ["PRV-004", prv004],
      ["PRV-005", prv005],
    ] as const)("is open by the server's own default, which %s counts, and its fix closes", async (_, check) => {
      const outcome = await outcomeOn(session, check);
      expect(objectsOf(outcome)).toEqual([`"Shop ""1"""`]);
      const [found] = foundOf(outcome);
      await session.script(`begin; ${found?.fix?.kind === "revoke" ? found.fix.sql : ""}`);
      expect(objectsOf(await outcomeOn(session, check))).toEqual([]);
      await session.script("rollback");
    });

    it(`${major < 15 ? "lets everybody create in schema public" : "does not let everybody create in schema public, though PUBLIC has USAGE"}: PRV-001`, async () => {
      const outcome = await outcomeAt(cluster, prv001, { database: 'Shop "1"' });
      expect(objectsOf(outcome)).toEqual(major < 15 ? ["public"] : []);
    });
  });

  it("PRV-001 still fires after a REVOKE of the database's owner where that changes nothing, up to 14", async () => {
    await using inside = await connectTo(cluster, { database: 'Shop "1"' });
    await inside.script("begin; grant create on schema public to public; set local role lab_owner");
    await inside.script("revoke create on schema public from public; reset role");
    expect(objectsOf(await outcomeOn(inside, prv001))).toEqual(major < 15 ? ["public"] : []);
    await inside.script("rollback");
  });

  if (major >= 15) {
    it("PRV-015 accepts SET on log_statement for a declared deploy role, and nothing else", async () => {
      await session.script(`begin; create role lab_deploy login;
        grant set on parameter log_statement to lab_deploy, lab_app;
        grant alter system on parameter log_statement to lab_deploy`);
      const found = foundOf(await outcomeOn(session, prv015, { declared: { deployRoles: ["lab_deploy"] } }));
      const told = found.map(({ object, detail }) => `${object}: ${detail}`);
      expect(told).toEqual(["log_statement <- lab_app: SET", "log_statement <- lab_deploy: ALTER SYSTEM"]);
      await session.script("rollback");
    });
  }

  describe("PRV-018 template1", () => {
    const inTemplate = async (setUp: string, work: (inside: Session) => Promise<void>): Promise<void> => {
      await using inside = await connectTo(cluster, { database: "template1" });
      await inside.script("begin");
      // 14 comes with CREATE for PUBLIC, which is a test of its own.
      await inside.script(`revoke create on schema public from public; ${setUp}`);
      await work(inside);
      await inside.script("rollback");
    };

    it(`is ${major < 15 ? "found open as the server made it" : "fine as the server made it"}`, async () => {
      const outcome = await outcomeAt(cluster, prv018, { database: "template1" });
      expect(objectsOf(outcome)).toEqual(major < 15 ? ["template1 schema public"] : []);
    });

    it("is found with objects that somebody left, and with schemas that everybody may create in", async () => {
      const setUp = `create schema "La""b";
        create table "La""b".orders (id int);
        create sequence public.numbers;
        create function public.left_over(int) returns int language sql as 'select 1';
        grant create on schema public to public`;
      await inTemplate(setUp, async (inside) => {
        const outcome = await outcomeOn(inside, prv018);
        expect(objectsOf(outcome)).toEqual(
          [
            "template1 schema public",
            `template1: "La""b".orders`,
            `template1: schema "La""b"`,
            "template1: public.left_over(integer)",
            "template1: public.numbers",
          ].sort(),
        );
        const revokes = foundOf(outcome).flatMap(({ fix }) => (fix?.kind === "revoke" ? [fix.sql] : []));
        const drops = `drop schema "La""b" cascade; drop sequence public.numbers; drop function public.left_over(int)`;
        await inside.script([...revokes, drops].join(";\n"));
        expect(objectsOf(await outcomeOn(inside, prv018))).toEqual([]);
      });
    });

    it("is fine with an extension, a temporary table and a grant to a role", async () => {
      const setUp = `create schema lab_extension;
        create table lab_extension.kept (id int);
        alter extension plpgsql add table lab_extension.kept;
        alter extension plpgsql add schema lab_extension;
        create temporary table passing (id int);
        grant create on schema public to lab_app`;
      await inTemplate(setUp, async (inside) => {
        expect(objectsOf(await outcomeOn(inside, prv018))).toEqual([]);
      });
    });

    it("tells a role without rights the same", async () => {
      await inTemplate("create table public.left_over (id int); set local role lab_app", async (inside) => {
        expect(objectsOf(await outcomeOn(inside, prv018))).toEqual(["template1: public.left_over"]);
      });
    });
  });
});
