/** NET-034: needs a library that slows logins down, so it has a server of its own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import net034 from "../../../../../src/audit/checks/network/net-034-no-login-delay.ts";
import { outcomeOn } from "../../../../conformance/audit/outcome-on.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

const OUTSIDE = "hostssl app app 10.0.0.0/8 scram-sha-256\n";

describe.each(availableMajors())("NET-034 on PostgreSQL %i", (major) => {
  it("fires where other machines log in with a password, and is silent with auth_delay", async () => {
    await using cluster = await startCluster({ major });
    await using session = await connectTo(cluster);
    const path = join(cluster.dataDir, "pg_hba.conf");
    writeFileSync(path, OUTSIDE);
    expect(await outcomeOn(session, net034)).toMatchObject({
      status: "fail",
      found: [{ object: "shared_preload_libraries" }],
    });
    writeFileSync(
      path,
      "hostssl app app 10.0.0.0/8 cert\nhost app app all reject\nhost app app 10.0.0.0/8 md5\nlocal all all md5\n",
    );
    expect(await outcomeOn(session, net034), "no password from outside").toEqual({ status: "pass" });
    await session.script("create role nobody_special; set role nobody_special");
    expect(await outcomeOn(session, net034)).toMatchObject({ status: "unknown", right: "pg_read_all_settings" });
  });

  it("is silent where a library slows logins down", async () => {
    await using cluster = await startCluster({
      major,
      settings: { shared_preload_libraries: "$libdir/auth_delay.so" },
    });
    await using session = await connectTo(cluster);
    writeFileSync(join(cluster.dataDir, "pg_hba.conf"), OUTSIDE);
    expect(await outcomeOn(session, net034)).toEqual({ status: "pass" });
  });
});
