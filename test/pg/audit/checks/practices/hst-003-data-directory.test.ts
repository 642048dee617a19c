/** HST-003 on a planted cluster with a tablespace elsewhere, and on a real one. */
import { chmodSync, symlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-003-data-directory.ts";
import { localHost } from "../../../../../src/audit/facts/host.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { LOCAL_LINE, madeUpFacts, objectsOf, outcomeOn } from "../../../../support/audited.ts";
import { startCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { pasteFixes, plantHost } from "../../../../support/planted-host.ts";

function plant() {
  const machine = plantHost({ files: { "data/pg_wal/1": "", "data/pg_tblspc/keep": "", "disk/PG_17/1": "" } });
  for (const directory of ["data", "data/pg_wal"]) machine.chmod(directory, 0o700);
  machine.chmod("disk", 0o700);
  machine.chmod("data/pg_tblspc/keep", 0o600);
  symlinkSync(machine.at("disk"), machine.at("data/pg_tblspc/16400"));
  const settings = { data_directory: machine.at("data") };
  return { machine, run: () => runCheck(check, madeUpFacts({ host: machine.host, settings })) };
}

describe("HST-003 data directory", () => {
  it("fires on the directory, the WAL's and a tablespace's, and is silent when its commands were pasted", async () => {
    const { machine, run } = plant();
    using _ = machine;
    machine.chmod("data", 0o755);
    machine.chmod("data/pg_wal", 0o720);
    machine.chmod("disk", 0o701);
    const outcome = await run();
    expect(objectsOf(outcome)).toEqual(["data", "data/pg_tblspc/16400", "data/pg_wal"].map(machine.at));
    pasteFixes(outcome);
    expect(objectsOf(await run())).toEqual([]);
  });

  it("is silent where a group may read", async () => {
    const { machine, run } = plant();
    using _ = machine;
    for (const directory of ["data", "data/pg_wal", "disk"]) machine.chmod(directory, 0o750);
    expect(objectsOf(await run())).toEqual([]);
  });

  it("is unknown without the host, and when the directory is not here", async () => {
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
    const { machine } = plant();
    using _ = machine;
    const settings = { data_directory: machine.at("elsewhere") };
    expect(await runCheck(check, madeUpFacts({ host: machine.host, settings }))).toMatchObject({ status: "unknown" });
  });

  it("looks at the directory of a real server", async () => {
    await using cluster = await startCluster();
    await using session = await connectTo(cluster);
    const host = await localHost(session, { line: LOCAL_LINE, isAsked: false });
    expect(objectsOf(await outcomeOn(session, check, { host }))).toEqual([]);
    chmodSync(cluster.dataDir, 0o755);
    expect(objectsOf(await outcomeOn(session, check, { host }))).toEqual([cluster.dataDir]);
  });
});
