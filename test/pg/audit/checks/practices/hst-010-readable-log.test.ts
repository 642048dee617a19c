/** HST-010 on a planted log directory, and on the log of a real server. */
import { chmodSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-010-readable-log.ts";
import { localHost } from "../../../../../src/audit/facts/host.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { LOCAL_LINE, madeUpFacts, objectsOf, outcomeOn } from "../../../../support/audited.ts";
import { startCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { needsRoot } from "../../../../support/needs.ts";
import { pasteFixes, plantHost } from "../../../../support/planted-host.ts";

function plant() {
  const machine = plantHost({ files: { "logs here/a.log": "x", "logs here/b.csv": "x" } });
  const settings = { logging_collector: "on", log_directory: machine.at("logs here"), data_directory: "/none" };
  return { machine, run: () => runCheck(check, madeUpFacts({ host: machine.host, settings })) };
}

describe("HST-010 readable logs", () => {
  it("fires once for a directory, and is silent when its command was pasted", async () => {
    const { machine, run } = plant();
    using _ = machine;
    const outcome = await run();
    expect(outcome).toMatchObject({
      found: [{ object: machine.at("logs here"), detail: expect.stringMatching(/\(mode 0644\) and 1 more$/) }],
    });
    pasteFixes(outcome);
    expect(objectsOf(await run())).toEqual([]);
  });

  it("is silent on files that a group may read, and in a closed directory", async () => {
    const { machine, run } = plant();
    using _ = machine;
    for (const name of ["a.log", "b.csv"]) machine.chmod(`logs here/${name}`, 0o640);
    expect(objectsOf(await run())).toEqual([]);
    for (const name of ["a.log", "b.csv"]) machine.chmod(`logs here/${name}`, 0o644);
    machine.chmod("logs here", 0o750);
    expect(objectsOf(await run())).toEqual([]);
  });

  it("is unknown without the host, when the directory is elsewhere, and when nothing says where the log goes", async () => {
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
    const { machine } = plant();
    using _ = machine;
    const of = (settings: Record<string, string>) => runCheck(check, madeUpFacts({ host: machine.host, settings }));
    const elsewhere = { logging_collector: "on", log_directory: "/none/log", data_directory: "/none" };
    expect(await of(elsewhere)).toMatchObject({ status: "unknown", reason: expect.stringContaining("/none/log") });
    expect(await of({ logging_collector: "off" })).toMatchObject({ status: "unknown" });
  });

  it("finds the file that a real server without a collector writes to", async (context) => {
    needsRoot(context);
    await using cluster = await startCluster();
    await using session = await connectTo(cluster);
    const host = await localHost(session, { line: LOCAL_LINE, isAsked: false });
    chmodSync(cluster.logFile, 0o644);
    expect(objectsOf(await outcomeOn(session, check, { host }))).toEqual([]);
    // The directory of the data keeps others out; without it the file is open.
    chmodSync(dirname(cluster.logFile), 0o755);
    expect(objectsOf(await outcomeOn(session, check, { host }))).toEqual([cluster.logFile]);
  });
});
