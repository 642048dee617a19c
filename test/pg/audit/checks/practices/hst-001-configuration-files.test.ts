/** HST-001 on planted files, those that are included among them, and on a real server's. */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-001-configuration-files.ts";
import { localHost } from "../../../../../src/audit/facts/host.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { LOCAL_LINE, madeUpFacts, objectsOf, outcomeOn } from "../../../../support/audited.ts";
import { startCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { pasteFixes, plantHost, plantLoop } from "../../../../support/planted-host.ts";

function plant() {
  const machine = plantHost({
    files: {
      "conf/postgresql.conf": "include = 'more.conf'\ninclude_dir 'conf.d'\n# include 'none.conf'\n",
      "conf/more.conf": "",
      "conf/conf.d/10.conf": "",
      "conf/conf.d/20.txt": "",
      "conf/pg_hba.conf": "include pg_hba_more.conf\n",
      "conf/pg_hba_more.conf": "",
      "conf/pg_ident.conf": "",
      "data/postgresql.auto.conf": "",
    },
  });
  for (const name of ["pg_hba.conf", "pg_hba_more.conf", "pg_ident.conf"]) machine.chmod(`conf/${name}`, 0o640);
  const facts = madeUpFacts({
    host: machine.host,
    settings: {
      config_file: machine.at("conf/postgresql.conf"),
      hba_file: machine.at("conf/pg_hba.conf"),
      ident_file: machine.at("conf/pg_ident.conf"),
      data_directory: machine.at("data"),
    },
  });
  return { machine, run: () => runCheck(check, facts) };
}

describe("HST-001 configuration files", () => {
  it("fires on what others can write to or read, and is silent when its commands were pasted", async () => {
    const { machine, run } = plant();
    using _ = machine;
    machine.chmod("conf/more.conf", 0o664);
    machine.chmod("conf/conf.d/10.conf", 0o666);
    machine.chmod("conf/pg_hba.conf", 0o644);
    machine.chmod("conf/pg_hba_more.conf", 0o646);
    machine.chmod("data", 0o777);
    const outcome = await run();
    expect(objectsOf(outcome)).toEqual(
      ["conf/conf.d/10.conf", "conf/more.conf", "conf/pg_hba.conf", "conf/pg_hba_more.conf", "data"].map(machine.at),
    );
    expect(outcome).toMatchObject({
      found: expect.arrayContaining([
        expect.objectContaining({ object: machine.at("conf/pg_hba.conf"), severity: "medium" }),
      ]),
    });
    pasteFixes(outcome);
    expect(objectsOf(await run())).toEqual([]);
  });

  it("is silent on what Debian installs, on files that are not included, and on a directory with the sticky bit", async () => {
    const { machine, run } = plant();
    using _ = machine;
    machine.chmod("conf/conf.d/20.txt", 0o666);
    machine.chmod("conf", 0o1777);
    expect(objectsOf(await run())).toEqual([]);
  });

  it("is unknown without the host, and where a file may not be looked at", async () => {
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
    const { machine, run } = plant();
    using _ = machine;
    const { rmSync } = await import("node:fs");
    rmSync(machine.at("conf/pg_ident.conf"));
    plantLoop(machine.at("conf/pg_ident.conf"));
    expect(await run()).toMatchObject({ status: "unknown", reason: expect.stringContaining("pg_ident.conf") });
  });

  it("looks at the files that a real server names", async () => {
    await using cluster = await startCluster();
    await using session = await connectTo(cluster);
    const host = await localHost(session, { line: LOCAL_LINE, isAsked: false });
    const hba = join(cluster.dataDir, "pg_hba.conf");
    chmodSync(hba, 0o600);
    expect(objectsOf(await outcomeOn(session, check, { host }))).toEqual([]);
    chmodSync(hba, 0o662);
    expect(objectsOf(await outcomeOn(session, check, { host }))).toEqual([hba]);
  });
});
