/** HST-014 on planted accounts, and on the account of a real server. */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-014-account-password.ts";
import { localHost } from "../../../../../src/audit/facts/host.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { LOCAL_LINE, madeUpFacts, objectsOf, outcomeOn } from "../../../../support/audited.ts";
import { sharedCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { needsRoot } from "../../../../support/needs.ts";
import { plantHost } from "../../../../support/planted-host.ts";

function plant(field: string) {
  const machine = plantHost({
    files: { "home/pg/x": "", "etc/shadow": `root:*:1::::::\npg:${field}:1::::::\n` },
    homes: { "home/pg": "pg" },
    serverUid: 5_000,
  });
  return { machine, run: () => runCheck(check, madeUpFacts({ host: machine.host })) };
}

describe("HST-014 password of the server's account", () => {
  it.each([
    ["$y$j9T$canary", "a password is set", "low"],
    ["", "no password is asked for", "high"],
  ])("fires on %j, and is silent when the password is locked as it says", async (field, detail, severity) => {
    const { machine, run } = plant(field);
    using _ = machine;
    const outcome = await run();
    expect(outcome).toMatchObject({
      found: [{ object: "account pg", detail, severity, fix: { commands: ["passwd -l pg"] } }],
    });
    expect(JSON.stringify(outcome)).not.toContain("canary");
    // What passwd -l does.
    writeFileSync(machine.at("etc/shadow"), `pg:!${field}:1::::::\n`);
    expect(objectsOf(await run())).toEqual([]);
  });

  it.each(["!", "*", "!!", "!*"])("is silent on %s", async (field) => {
    const { machine, run } = plant(field);
    using _ = machine;
    expect(objectsOf(await run())).toEqual([]);
  });

  it("is unknown without the host, without shadow, and for an account that is not in it", async () => {
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
    using machine = plantHost({ files: {}, serverUid: 5_000 });
    expect(await runCheck(check, madeUpFacts({ host: machine.host }))).toMatchObject({ status: "unknown" });
    using other = plantHost({ files: { "etc/shadow": "root:*:1::::::\n" }, serverUid: 5_000 });
    expect(await runCheck(check, madeUpFacts({ host: other.host }))).toMatchObject({ status: "unknown" });
    using nobody = plantHost({ files: {}, serverUid: undefined });
    expect(nobody.host.serverUid).toBe(process.getuid?.());
  });

  it("is silent on the account of a real server", async (context) => {
    needsRoot(context);
    await using session = await connectTo(await sharedCluster());
    const host = await localHost(session, { line: LOCAL_LINE, isAsked: false });
    expect(objectsOf(await outcomeOn(session, check, { host }))).toEqual([]);
  });
});
