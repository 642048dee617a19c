/** HST-009 on planted dumps of every form, and on what looks like one. */
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-009-readable-dump.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, objectsOf } from "../../../../support/audited.ts";
import { pasteFixes, plantHost } from "../../../../support/planted-host.ts";

const PLAIN = "--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n";
const tar = (name: string) => {
  const head = Buffer.alloc(1024);
  head.write(name, 0);
  head.write("ustar", 257);
  return head.toString("latin1");
};

function plant(files: Record<string, string | Uint8Array>) {
  const machine = plantHost({ files: files as Record<string, string> });
  const declared = { backupDirectories: [machine.at("backup")] };
  return { machine, run: () => runCheck(check, madeUpFacts({ host: machine.host, declared })) };
}

describe("HST-009 readable dumps", () => {
  it("fires on each form, and is silent when its commands were pasted", async () => {
    const files = {
      "backup/a.sql": PLAIN,
      "backup/all.sql": PLAIN.replace("database", "database cluster"),
      "backup/b.dump": "PGDMP\x01\x0e",
      "backup/c.sql.gz": gzipSync(PLAIN.repeat(500)),
      "backup/d/toc.dat": "PGDMP\x01\x0e",
      "backup/e.tar": tar("toc.dat"),
      "backup/f.tar": tar("backup_label"),
    };
    const { machine, run } = plant(files);
    using _ = machine;
    const outcome = await run();
    expect(objectsOf(outcome)).toEqual(Object.keys(files).map(machine.at));
    pasteFixes(outcome);
    expect(objectsOf(await run())).toEqual([]);
  });

  it("is silent on private dumps, on dumps in a closed directory, and on other files", async () => {
    const { machine, run } = plant({
      "backup/private.sql": PLAIN,
      "backup/closed/a.sql": PLAIN,
      "backup/notes.sql": "-- PostgreSQL database dump? no, notes\n",
      "backup/other.tar": tar("readme.txt"),
      "backup/broken.gz": Buffer.from([0x1f, 0x8b, 1, 2, 3]),
      "backup/empty.sql": "",
    });
    using _ = machine;
    machine.chmod("backup/private.sql", 0o640);
    machine.chmod("backup/closed", 0o750);
    expect(objectsOf(await run())).toEqual([]);
  });

  it("is unknown without a declaration, without the host, and when the directory is not there", async () => {
    const { machine } = plant({});
    using _ = machine;
    const of = (declared: { backupDirectories?: string[] }) =>
      runCheck(check, madeUpFacts({ host: machine.host, declared }));
    expect(await of({})).toMatchObject({ status: "unknown", reason: expect.stringContaining("backup_directories") });
    expect(await of({ backupDirectories: [machine.at("none")] })).toMatchObject({ status: "unknown" });
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
  });
});
