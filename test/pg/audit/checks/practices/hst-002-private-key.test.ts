/** HST-002 on planted keys, and on the key of a real server. */
import { chmodSync, chownSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-002-private-key.ts";
import { localHost } from "../../../../../src/audit/facts/host.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { LOCAL_LINE, madeUpFacts, objectsOf, outcomeOn } from "../../../../support/audited.ts";
import { startCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { needsRoot } from "../../../../support/needs.ts";
import { pasteFixes, plantHost } from "../../../../support/planted-host.ts";

function plant(ssl = "on") {
  const machine = plantHost({ files: { "data/server.key": "" } });
  const settings = { ssl, ssl_key_file: "server.key", data_directory: machine.at("data") };
  return { machine, run: () => runCheck(check, madeUpFacts({ host: machine.host, settings })) };
}

describe("HST-002 private key", () => {
  it.each([0o644, 0o666, 0o622])("fires on mode %o, and is silent when its command was pasted", async (mode) => {
    const { machine, run } = plant();
    using _ = machine;
    machine.chmod("data/server.key", mode);
    const outcome = await run();
    expect(objectsOf(outcome)).toEqual([machine.at("data/server.key")]);
    pasteFixes(outcome);
    expect(objectsOf(await run())).toEqual([]);
  });

  it("lets a key of root's be read by its group, and no other account's key", async (context) => {
    needsRoot(context);
    const { machine, run } = plant();
    using _ = machine;
    machine.chmod("data/server.key", 0o640);
    expect(objectsOf(await run())).toEqual([]);
    chownSync(machine.at("data/server.key"), 5_000, 100);
    expect(objectsOf(await run())).toEqual([machine.at("data/server.key")]);
  });

  it("does not concern a server without TLS, and is unknown when the key is not where the server says", async () => {
    const { machine } = plant();
    using _ = machine;
    const of = (ssl: string) =>
      runCheck(
        check,
        madeUpFacts({
          host: machine.host,
          settings: { ssl, ssl_key_file: "/none/x.key", data_directory: machine.at("data") },
        }),
      );
    expect(await of("off")).toMatchObject({ status: "not_applicable" });
    expect(await of("on")).toMatchObject({ status: "unknown" });
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
  });

  it("looks at the key of a real server", async () => {
    await using cluster = await startCluster({ tls: true });
    await using session = await connectTo(cluster);
    const host = await localHost(session, { line: LOCAL_LINE, isAsked: false });
    expect(objectsOf(await outcomeOn(session, check, { host }))).toEqual([]);
    const key = join(cluster.dataDir, "server.key");
    chmodSync(key, 0o604);
    expect(objectsOf(await outcomeOn(session, check, { host }))).toEqual([key]);
  });
});
