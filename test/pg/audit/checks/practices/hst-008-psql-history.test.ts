/** HST-008 on planted histories. */
import { symlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-008-psql-history.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, objectsOf } from "../../../../support/audited.ts";
import { pasteFixes, plantHost } from "../../../../support/planted-host.ts";

const HISTORY = "select 1;\nalter role app\\001  password 'canary-1';\ncreate user b password 'canary-2';\n";

describe("HST-008 psql history", () => {
  it("fires on statements with a password, without them, and is silent when its command was pasted", async () => {
    using machine = plantHost({ files: { "home/a b/.psql_history": HISTORY }, homes: { "home/a b": "ann" } });
    const run = () => runCheck(check, madeUpFacts({ host: machine.host }));
    const outcome = await run();
    expect(outcome).toMatchObject({
      found: [
        { object: machine.at("home/a b/.psql_history"), detail: "2 statements with a password, first on line 2" },
      ],
    });
    expect(JSON.stringify(outcome)).not.toContain("canary");
    pasteFixes(outcome);
    expect(objectsOf(await run())).toEqual([]);
  });

  it("is silent on \\password, on verifiers and on a person's table of passwords", async () => {
    const text = "\\password app\nalter role app password 'SCRAM-SHA-256$4096:x$y:z';\nselect password from users;\n";
    using machine = plantHost({ files: { "home/ann/.psql_history": text }, homes: { "home/ann": "ann" } });
    expect(objectsOf(await runCheck(check, madeUpFacts({ host: machine.host })))).toEqual([]);
  });

  it("is unknown without the host, and reads through no link", async () => {
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
    using machine = plantHost({ files: { "home/ann/x": "", other: HISTORY }, homes: { "home/ann": "ann" } });
    symlinkSync(machine.at("other"), machine.at("home/ann/.psql_history"));
    expect(await runCheck(check, madeUpFacts({ host: machine.host }))).toMatchObject({ status: "unknown" });
  });
});
