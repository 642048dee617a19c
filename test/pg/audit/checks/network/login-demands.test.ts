/** What real servers ask of those who want in, by role, by line and by rule; and that the probes of it leave no session. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Check } from "../../../../../src/audit/check.ts";
import net040 from "../../../../../src/audit/checks/network/net-040-plain-sessions.ts";
import net041 from "../../../../../src/audit/checks/network/net-041-no-credential.ts";
import net042 from "../../../../../src/audit/checks/network/net-042-clear-text-password.ts";
import net043 from "../../../../../src/audit/checks/network/net-043-md5-demand.ts";
import { type LiveRun, liveOutcome, told } from "../../../../support/audit/live.ts";
import { startTlsServer, type TlsServer } from "../../../../support/audit/tls-server.ts";
import { availableMajors } from "../../../../support/cluster.ts";
import { needs } from "../../../../support/needs.ts";

const PROBED: LiveRun = { probes: true };
/** Our own sessions come by the socket, so that no rule for TCP keeps them out. */
const OURS = "local all all scram-sha-256";

describe.each(availableMajors())("PostgreSQL %s", (major) => {
  let server: TlsServer;
  beforeAll(async () => {
    server = await startTlsServer({ major });
    await server.cluster.sql(
      "create role old_md5 login; set password_encryption = md5; alter role old_md5 password 'x12345'",
    );
  });
  afterAll(() => server.cluster.stop());

  const rules = async (...lines: string[]) => {
    // The session of the check itself is the first rule's.
    writeFileSync(join(server.cluster.dataDir, "pg_hba.conf"), `${[OURS, ...lines].join("\n")}\n`);
    await server.cluster.reload({ overSocket: true });
  };
  const judge = async (check: Check) => told(await probed(check));
  /** Probes go to the TCP port, whatever the session does. */
  const probed = (check: Check, run: LiveRun = PROBED) =>
    liveOutcome(server.cluster, check, {
      ...run,
      connection: { hosts: [{ host: server.cluster.socketDir, port: server.cluster.port }], ...run.connection },
    });

  it("NET-040 fires where plain TCP is answered, and is silent where a rule refuses it", async () => {
    await rules("host all all all scram-sha-256");
    expect(await judge(net040)).toEqual({
      "postgres in plain text": "asked for a SCRAM proof instead of refusing, seen from 127.0.0.1",
      "any role in plain text": "asked for a SCRAM proof instead of refusing, seen from 127.0.0.1",
    });
    expect(await probed(net040)).toMatchObject({ found: [{ severity: "info" }, { severity: "info" }] });
    await rules("hostnossl all all all reject", "host all all all scram-sha-256");
    expect(await judge(net040)).toEqual({});
    await rules("hostssl all all all scram-sha-256");
    expect(await judge(net040)).toEqual({});
  });

  it("NET-041 fires on trust for anybody or for one role, and is silent on scram-sha-256", async () => {
    await rules("host all all all trust");
    expect(await judge(net041)).toEqual({
      "postgres in plain text": "let in without a credential, seen from 127.0.0.1",
      "postgres over TLS": "let in without a credential, seen from 127.0.0.1",
      "any role in plain text": "let in without a credential, seen from 127.0.0.1",
      "any role over TLS": "let in without a credential, seen from 127.0.0.1",
    });
    expect(await probed(net041), "on loopback").toMatchObject({ found: [{ severity: "high" }, {}, {}, {}] });
    await rules("hostssl all postgres all trust", "host all all all scram-sha-256");
    expect(Object.keys(await judge(net041))).toEqual(["postgres over TLS"]);
    await rules("hostssl all all all scram-sha-256");
    expect(await judge(net041)).toEqual({});
    await rules("host all all all reject");
    expect(await judge(net041), "refused is no way in").toEqual({});
  });

  it("NET-042 fires on the method password, and tells a plain line from TLS", async () => {
    await rules("host all all all password");
    expect(await judge(net042)).toMatchObject({
      "postgres in plain text": "asked for the password itself, seen from 127.0.0.1",
      "any role over TLS": "asked for the password itself, seen from 127.0.0.1",
    });
    await rules("host all all all md5");
    expect(await judge(net042), "md5 asks for a proof").toEqual({});
  });

  it("NET-043 fires on md5 where the role has no SCRAM verifier", async () => {
    await rules("host all all all md5");
    const found = await judge(net043);
    // The role that is made up has nothing, and the server behaves as password_encryption says: SCRAM.
    expect(found, "postgres has a SCRAM verifier, so md5 means SCRAM").toEqual({});
    await server.cluster.sql("select 1").catch(() => undefined);
    const md5 = await probed(net043, { ...PROBED, roles: ["old_md5"] });
    expect(told(md5)).toMatchObject({ "old_md5 in plain text": "asked for an MD5 proof, seen from 127.0.0.1" });
    await rules("host all all all scram-sha-256");
    expect(told(await probed(net043, { ...PROBED, roles: ["old_md5"] }))).toEqual({});
  });

  it("no session begins and no password is tried, even where the server asks for nothing", async (context) => {
    await rules("host all all all trust");
    if (major >= 17) {
      await server.cluster.sql(`
        create table logins (who text);
        create function note_login() returns event_trigger language plpgsql as $$ begin insert into public.logins values (session_user); end $$;
        create event trigger on_login on login execute function note_login();
        alter event trigger on_login enable always`);
    }
    const before = readFileSync(server.cluster.logFile, "utf8").length;
    await probed(net041);
    const log = readFileSync(server.cluster.logFile, "utf8").slice(before);
    expect(log).toContain('unrecognized configuration parameter "pgkeep_audit_ends_here"');
    expect(log).not.toMatch(/password authentication failed|connection authorized/);
    needs(major >= 17, "login event triggers came with 17")(context);
    const noted = await server.cluster.sql("select who from logins");
    // Our own queries are sessions, and are noted; the positive control.
    expect(noted.length).toBeGreaterThan(0);
    const own = noted.length;
    await probed(net041);
    expect((await server.cluster.sql("select who from logins")).length).toBe(own + 2);
  });

  it("without probes all four are unknown to an encrypted session, and name what would answer", async () => {
    await rules("host all all all scram-sha-256");
    for (const check of [net040, net041, net042, net043]) {
      const outcome = await liveOutcome(server.cluster, check, { connection: { sslMode: "require" } });
      expect(outcome).toMatchObject({ status: "unknown", right: "network" });
    }
  });

  it("without probes our own login is evidence enough for a defect", async () => {
    const own = async (check: Check) => told(await liveOutcome(server.cluster, check, {}));
    await rules("host all all all scram-sha-256");
    expect(await own(net040)).toEqual({
      "this session in plain text": "asked for a SCRAM proof instead of refusing, this session's own login",
    });
    await rules("host all all all trust");
    expect(await own(net041)).toEqual({
      "this session in plain text": "let in without a credential, this session's own login",
    });
  });
});
