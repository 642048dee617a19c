/** SEC-008: archive_command, which the server hides while archiving is off. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import sec008 from "../../../../../src/audit/checks/practices/sec-008-credential-in-command.ts";
import { objectsOf, outcomeAt, outcomeOn } from "../../../../support/audited.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

const WRONG = "AWS_SECRET_ACCESS_KEY=canary wal-g push %p";

describe.each(availableMajors())("SEC-008 on PostgreSQL %s, archive_mode off", (major) => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.sql("create role lab_monitor in role pg_monitor");
    await cluster.sql(`alter system set archive_command = '${WRONG}'`);
    await cluster.reload();
  });

  afterAll(() => cluster?.stop());

  it("finds the credential in the file", async () => {
    expect(objectsOf(await outcomeAt(cluster, sec008))).toEqual(["archive_command"]);
  });

  it("is unknown to a role that the file is not shown to, and never a pass", async () => {
    await using session = await connectTo(cluster);
    await session.script("set role lab_monitor");
    expect(await outcomeOn(session, sec008)).toMatchObject({ status: "unknown", right: "file_settings" });
  });

  it("passes on a file without it", async () => {
    await cluster.sql("alter system set archive_command = 'wal-g --config /etc/walg.json push %p'");
    expect(await outcomeAt(cluster, sec008)).toEqual({ status: "pass" });
  });

  it("finds it in the setting once archiving is on", async () => {
    const settings = { archive_mode: "on", wal_level: "replica", archive_command: `true || ${WRONG}` };
    await using archiving = await startCluster({ major, settings });
    expect(objectsOf(await outcomeAt(archiving, sec008))).toEqual(["archive_command"]);
  });
});
