/** HST-013 on planted installations, and on those of real servers. */
import { chownSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { Unanswered } from "../../../../../src/audit/answers.ts";
import check from "../../../../../src/audit/checks/practices/hst-013-installation.ts";
import { localHost } from "../../../../../src/audit/facts/host.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { LOCAL_LINE, madeUpFacts, objectsOf, outcomeAt, outcomeOn } from "../../../../support/audited.ts";
import { availableMajors, hasMajor, sharedCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { needs, needsRoot } from "../../../../support/needs.ts";
import { pasteFixes, plantHost } from "../../../../support/planted-host.ts";

function plant() {
  const machine = plantHost({
    files: { "bin/postgres": "", "lib/a.so": "", "lib/b.so": "", "share/extension/x.sql": "" },
  });
  const query = async () => [
    { name: "BINDIR", path: machine.at("bin") },
    { name: "PKGLIBDIR", path: machine.at("lib") },
    { name: "SHAREDIR", path: machine.at("share") },
  ];
  return { machine, run: () => runCheck(check, madeUpFacts({ host: machine.host, query })) };
}

describe("HST-013 the installation", () => {
  describe("that belongs to root", () => {
    beforeEach(needsRoot);

    it("fires on directories and files that others can write to, and is silent when that was taken back", async () => {
      const { machine, run } = plant();
      using _ = machine;
      machine.chmod("lib/b.so", 0o646);
      machine.chmod("share/extension", 0o775);
      const outcome = await run();
      expect(outcome).toMatchObject({
        found: [
          { object: machine.at("lib"), detail: "others can change b.so" },
          { object: machine.at("share/extension"), detail: "mode 0775: others can write to it" },
        ],
      });
      machine.chmod("lib/b.so", 0o644);
      expect(objectsOf(await run())).toEqual([machine.at("share/extension")]);
      pasteFixes(await run());
      expect(objectsOf(await run())).toEqual([]);
    });

    it("is less grave when it belongs to an account of its own", async () => {
      const { machine, run } = plant();
      using _ = machine;
      chownSync(machine.at("bin"), 5_000, 100);
      expect(await run()).toMatchObject({ found: [{ object: machine.at("bin"), severity: "medium" }] });
    });
  });

  describe("of Debian", () => {
    beforeEach(needs(hasMajor(15), "PostgreSQL 15 of Debian is not installed"));

    it("is as it should be", async () => {
      await using session = await connectTo(await sharedCluster(15));
      const host = await localHost(session, { line: LOCAL_LINE, isAsked: false });
      expect(objectsOf(await outcomeOn(session, check, { host }))).toEqual([]);
    });
  });

  it("is unknown without the host, without pg_config, and when it is not on this machine", async () => {
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
    const { machine } = plant();
    using _ = machine;
    const refused = async () => {
      throw new Unanswered("the server refused: permission denied for view pg_config");
    };
    const asPlainRole = madeUpFacts({ host: machine.host, query: refused, rights: ["host"] });
    expect(await runCheck(check, asPlainRole)).toMatchObject({ status: "unknown", right: "superuser" });
    expect(await runCheck(check, madeUpFacts({ host: machine.host, query: refused }))).toMatchObject({
      status: "unknown",
      right: undefined,
    });
    const elsewhere = async () => [{ name: "BINDIR", path: "/none/bin" }];
    expect(await runCheck(check, madeUpFacts({ host: machine.host, query: elsewhere }))).toMatchObject({
      status: "unknown",
    });
  });

  it.for(availableMajors())("asks PostgreSQL %i, which answers superusers and refuses others", async (major) => {
    const { machine } = plant();
    using _ = machine;
    const cluster = await sharedCluster(major);
    const before = await outcomeAt(cluster, check, { host: machine.host });
    expect(before).not.toMatchObject({ reason: expect.stringContaining("refused") });
    await using session = await connectTo(cluster);
    await session.script("begin; create role lab_nobody; set local role lab_nobody");
    // Whoever may look at the machine need not be anybody on the server.
    expect(await outcomeOn(session, check, { host: machine.host })).toMatchObject({
      status: "unknown",
      reason: expect.stringContaining("permission denied for view pg_config"),
      right: "superuser",
    });
    await session.script("rollback");
  });
});
