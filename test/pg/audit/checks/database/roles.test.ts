/** Checks of roles where they need a server, a pg_hba.conf, other sessions or a provider's roles. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import rol001 from "../../../../../src/audit/checks/database/rol-001-extra-superuser.ts";
import rol002 from "../../../../../src/audit/checks/database/rol-002-bypass-rls.ts";
import rol006 from "../../../../../src/audit/checks/database/rol-006-md5-hashes.ts";
import rol007 from "../../../../../src/audit/checks/database/rol-007-weak-scram-iterations.ts";
import rol010 from "../../../../../src/audit/checks/database/rol-010-trivial-password.ts";
import rol012 from "../../../../../src/audit/checks/database/rol-012-no-password.ts";
import rol025 from "../../../../../src/audit/checks/database/rol-025-self-grant.ts";
import rol026 from "../../../../../src/audit/checks/database/rol-026-superuser-session.ts";
import type { Session } from "../../../../../src/pg/session.ts";
import { foundOf, objectsOf, outcomeAsNobody, outcomeOn } from "../../../../support/audited.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

const HBA = [
  "host all postgres 127.0.0.1/32 scram-sha-256",
  "host all lab_named,+lab_staff 127.0.0.1/32 md5",
  "local all postgres scram-sha-256",
  "local all all peer",
];

describe.each(availableMajors())("PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  let session: Session;

  beforeAll(async () => {
    cluster = await startCluster({ major, hba: HBA });
    session = await connectTo(cluster);
  });

  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  const rolledBack = async (setUp: string, work: () => Promise<void>): Promise<void> => {
    await session.script("begin");
    try {
      await session.script(setUp);
      await work();
    } finally {
      await session.script("rollback");
    }
  };

  describe("ROL-010 a trivial password", () => {
    it("[U-02] shows neither the word nor the hash", async () => {
      const setUp = `set local password_encryption = 'scram-sha-256';
        create role lab_word login password 'changeme';
        set local password_encryption = 'md5';
        create role lab_old login password 'lab_old'`;
      await rolledBack(setUp, async () => {
        const stored = await session.query("select rolpassword as stored from pg_authid where rolname like 'lab\\_%'");
        const outcome = await outcomeOn(session, rol010);
        expect(objectsOf(outcome)).toEqual(["lab_old", "lab_word"]);
        const told = JSON.stringify(outcome);
        for (const secret of ["changeme", ...stored.map((row) => row.stored ?? "")]) expect(told).not.toContain(secret);
      });
    });

    it("[U-07] is unknown where a role stored a verifier that costs hours to try", async () => {
      const dear = `SCRAM-SHA-256$2000000000:c2FsdHNhbHRzYWx0c2FsdA==$${"A".repeat(43)}=:${"B".repeat(42)}A=`;
      const setUp = `create role lab_dear login;
        set local allow_system_table_mods = on;
        update pg_authid set rolpassword = '${dear}' where rolname = 'lab_dear'`;
      await rolledBack(setUp, async () => {
        expect(await outcomeOn(session, rol010)).toMatchObject({
          status: "unknown",
          reason: expect.stringMatching(/^1 of /),
        });
      });
    });
  });

  it.each([
    ["ROL-006", rol006, ["lab_half", "lab_old"]],
    ["ROL-007", rol007, ["lab_cheap"]],
    ["ROL-010", rol010, ["lab_old"]],
    ["ROL-012", rol012, ["lab_bare", "lab_reader"]],
  ] as const)(
    "%s answers a role that was granted two columns of pg_authid, and no other",
    async (_, check, objects) => {
      const cheap = `SCRAM-SHA-256$9:c2FsdHNhbHRzYWx0c2FsdA==$${"A".repeat(43)}=:${"B".repeat(42)}A=`;
      const setUp = `set local password_encryption = 'md5';
      create role lab_old login password 'lab_old';
      create role lab_cheap login password '${cheap}';
      create role lab_bare login;
      create role lab_reader login;
      create role lab_half login password 'd9b71e4c0a';
      grant select (rolname, rolpassword) on pg_authid to lab_reader;
      grant select (rolname) on pg_authid to lab_half`;
      await rolledBack(setUp, async () => {
        await session.script("set local role lab_reader");
        expect(objectsOf(await outcomeOn(session, check))).toEqual(objects);
        await session.script("set local role lab_half");
        expect(await outcomeOn(session, check)).toMatchObject({ status: "unknown", right: "pg_authid" });
      });
    },
  );

  it("ROL-012 is low for logins that a rule asks for a password, and info for the others", async () => {
    const setUp = `create role lab_staff; create role lab_team; grant lab_staff to lab_team;
      create role lab_named login; create role lab_member login; grant lab_team to lab_member;
      create role lab_peer login`;
    await rolledBack(setUp, async () => {
      const found = foundOf(await outcomeOn(session, rol012));
      const graver = found.map(({ object, severity }) => [object, severity ?? rol012.severity]);
      expect(Object.fromEntries(graver)).toEqual({ lab_named: "low", lab_member: "low", lab_peer: "info" });
    });
  });

  describe("ROL-026 an application that is connected as superuser", () => {
    it("is found by its name, and tools, other roles and our own session are not", async () => {
      await session.script("drop role if exists lab_app; create role lab_app login password 'd9b71e4c0a'");
      expect(objectsOf(await outcomeOn(session, rol026))).toEqual([]);
      await using _shop = await connectTo(cluster, { applicationName: "Shop 'web'" });
      await using _tool = await connectTo(cluster, { applicationName: "pg_dump" });
      expect(foundOf(await outcomeOn(session, rol026))).toMatchObject([
        { object: "postgres", detail: "superuser sessions of 'Shop ''web'''" },
      ]);
    });

    it("is unknown to a role that may not see other sessions", async () => {
      expect(await outcomeAsNobody(cluster, rol026)).toMatchObject({ status: "unknown", right: "pg_read_all_stats" });
    });
  });

  if (major >= 16) {
    describe("ROL-025 createrole_self_grant of the database", () => {
      it("is told to a role that may not see the server's own value behind it", async () => {
        await session.script("create role lab_auditor login password 'd9b71e4c0a'");
        const database = await cluster.createDatabase("lab_selfish");
        await session.script(`alter database ${database} set createrole_self_grant = 'set'`);
        await using inside = await connectTo(cluster, { database });
        await inside.script("begin; set local role lab_auditor");
        expect(objectsOf(await outcomeOn(inside, rol025))).toEqual(["*@lab_selfish createrole_self_grant"]);
        // Without a stored value to tell of, the hidden one decides.
        await inside.script(
          "reset role; alter database lab_selfish reset createrole_self_grant; set local role lab_auditor",
        );
        expect(await outcomeOn(inside, rol025)).toMatchObject({
          status: "unknown",
          reason: expect.stringContaining("createrole_self_grant"),
        });
        await inside.script("rollback");
      });
    });
  }

  describe("roles of a managed service", () => {
    const NAMED_SO = "create role rds_superuser superuser login; create role cloudsqlsuperuser bypassrls";

    it("are reported where anybody could have taken the name", async () => {
      await rolledBack(NAMED_SO, async () => {
        expect(objectsOf(await outcomeOn(session, rol001))).toEqual(["rds_superuser"]);
        expect(objectsOf(await outcomeOn(session, rol002))).toEqual(["cloudsqlsuperuser"]);
      });
    });

    it("are not reported where the server's first superuser is the provider's", async () => {
      // A session cannot rename its own role.
      await session.script("create role lab_second superuser login password 'd9b71e4c0a'");
      await session.script(`alter role lab_second rename to lab_staff_root`);
      try {
        await session.script("begin; set local session authorization lab_staff_root");
        await session.script(`${NAMED_SO}; create role lab_ours superuser; alter role postgres rename to rdsadmin`);
        expect(objectsOf(await outcomeOn(session, rol001))).toEqual(["lab_ours", "lab_staff_root"]);
        expect(objectsOf(await outcomeOn(session, rol002))).toEqual([]);
      } finally {
        await session.script("rollback");
        await session.script("drop role lab_staff_root");
      }
    });
  });
});
