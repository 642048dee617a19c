/** Settings that hold a secret or a connection: found out without being repeated. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Check } from "../../../../../src/audit/check.ts";
import tls007 from "../../../../../src/audit/checks/transport/tls-007-printed-passphrase.ts";
import tls010 from "../../../../../src/audit/checks/transport/tls-010-standby-unverified.ts";
import { told } from "../../../../support/audit/live.ts";
import { outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../../support/cluster.ts";

const SECRET = "canary-7f3a";

describe.each(availableMajors())("PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
  });
  afterAll(() => cluster.stop());

  async function judge(check: Check, name: string, value: string) {
    await cluster.sql(`alter system set ${name} = '${value.replaceAll("'", "''")}'`);
    await cluster.reload();
    const outcome = await outcomeAt(cluster, check);
    expect(JSON.stringify(outcome)).not.toContain(SECRET);
    return told(outcome);
  }

  it.each([`echo ${SECRET}`, `/bin/echo "${SECRET}"`, `true; printf '%s' ${SECRET}`])(
    "TLS-007 fires on a command that prints the passphrase: %s",
    async (command) => {
      expect(await judge(tls007, "ssl_passphrase_command", command)).toEqual({
        ssl_passphrase_command: "the command prints a fixed text",
      });
      expect(await outcomeAsNobody(cluster, tls007)).toMatchObject({
        status: "unknown",
        right: "pg_read_all_settings",
      });
    },
  );

  it.each(["", "vault read -field=key pki/%p", "/opt/echo-service/get"])("TLS-007 is silent on %j", async (command) => {
    expect(await judge(tls007, "ssl_passphrase_command", command)).toEqual({});
  });

  it.each([
    [`host=10.0.0.1 user=r password=${SECRET} sslmode=require`, "sslmode=require"],
    [`host=db.example.org password='${SECRET} sslmode=verify-full'`, "no sslmode, which means prefer"],
    [`host=localhost,db.example.org password=${SECRET}`, "no sslmode, which means prefer"],
    [`postgresql://r:${SECRET}@db.example.org/?sslmode=prefer`, "sslmode=prefer"],
  ])("TLS-010 fires on %j", async (conninfo, detail) => {
    expect(await judge(tls010, "primary_conninfo", conninfo)).toEqual({ primary_conninfo: detail });
    expect(await outcomeAsNobody(cluster, tls010)).toMatchObject({ status: "unknown", right: "pg_read_all_settings" });
  });

  it.each([
    "",
    "host=/var/run/postgresql user=r",
    "host=db.example.org sslmode=verify-full sslrootcert=/x",
    "host = 'db.example.org' sslmode = 'verify-ca'",
    "host=127.0.0.1 user=r",
  ])("TLS-010 is silent on %j", async (conninfo) => {
    expect(await judge(tls010, "primary_conninfo", conninfo)).toEqual({});
  });
});
