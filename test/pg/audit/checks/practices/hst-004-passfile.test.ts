/** HST-004 on planted homes. */
import { rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-004-passfile.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, objectsOf } from "../../../../support/audited.ts";
import { pasteFixes, plantHost, plantLoop } from "../../../../support/planted-host.ts";

const plant = () =>
  plantHost({
    files: { "home/ann/.pgpass": "db:5432:*:app:canary", "home/bob/.pgpass": "x", "home/cy/pgpass": "x" },
    homes: { "home/ann": "ann", "home/bob": "bob", "home/cy": "cy" },
  });

describe("HST-004 .pgpass", () => {
  it("fires on each that others can read, and is silent when its commands were pasted", async () => {
    using machine = plant();
    machine.chmod("home/bob", 0o700);
    const run = () => runCheck(check, madeUpFacts({ host: machine.host }));
    const outcome = await run();
    expect(outcome).toMatchObject({
      found: [
        { object: machine.at("home/ann/.pgpass"), severity: "medium" },
        { object: machine.at("home/bob/.pgpass"), severity: "low" },
      ],
    });
    expect(JSON.stringify(outcome)).not.toContain("canary");
    pasteFixes(outcome);
    expect(objectsOf(await run())).toEqual([]);
  });

  it("is silent on private ones and on files of another name", async () => {
    using machine = plant();
    machine.chmod("home/ann/.pgpass", 0o600);
    machine.chmod("home/bob/.pgpass", 0o400);
    expect(objectsOf(await runCheck(check, madeUpFacts({ host: machine.host })))).toEqual([]);
  });

  it("is unknown without the host, and where a home may not be looked into", async () => {
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
    using machine = plant();
    machine.chmod("home/ann/.pgpass", 0o600);
    rmSync(machine.at("home/bob/.pgpass"));
    plantLoop(machine.at("home/bob/.pgpass"));
    expect(await runCheck(check, madeUpFacts({ host: machine.host }))).toMatchObject({
      status: "unknown",
      reason: expect.stringContaining("bob"),
    });
  });
});
