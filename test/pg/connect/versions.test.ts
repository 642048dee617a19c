/** The same session on every supported version of the server, with and without TLS. */
import { describe, expect, it } from "vitest";
import { availableMajors, startCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";

describe.each(availableMajors())("PostgreSQL %i", (major) => {
  it("logs in by SCRAM inside verified TLS, runs, copies, cancels and watches for our death", async () => {
    await using cluster = await startCluster({ major, tls: true });
    await using db = await connectTo(cluster, {
      hosts: [{ host: "localhost", port: cluster.port }],
      sslMode: "verify-full",
      tlsFiles: { rootCert: cluster.caFile },
      channelBinding: "require",
    });
    expect(Math.floor(db.serverVersion / 10_000)).toBe(major);
    expect(db.target).toMatchObject({ authentication: "scram-sha-256-plus", tls: { verified: true } });
    const copied = await db.exchange("create temp table t (a int); copy t from stdin; select count(*) as n from t", {
      copyData: [[Buffer.from("1\n2\n3\n")]],
    });
    expect(copied[2]?.rows[0]?.n).toBe("3");
    const [row] = await db.query("select current_setting('client_connection_check_interval') as i, $1::int * 2 as x", [
      "21",
    ]);
    expect(row).toMatchObject({ i: "1s", x: "42" });
    const running = db.script("select pg_sleep(30)").catch((error: unknown) => error);
    await db.cancel();
    expect(await running).toMatchObject({ sqlstate: "57014" });
  });
});
