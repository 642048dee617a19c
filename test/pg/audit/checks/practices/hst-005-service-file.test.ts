/** HST-005 on planted service files. */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-005-service-file.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, objectsOf } from "../../../../support/audited.ts";
import { plantHost, plantLoop } from "../../../../support/planted-host.ts";

const SERVICES = "# password=x\n[shop]\nhost=db\npassword = canary-1\n[other]\nuser=a\n";

describe("HST-005 service files", () => {
  it("fires on a password in the system's file and in a home, and is silent when the lines are gone", async () => {
    using machine = plantHost({
      files: {
        "etc/postgresql-common/pg_service.conf": SERVICES,
        "home/ann/.pg_service.conf": "[a b]\npassword=canary-2\n",
      },
      homes: { "home/ann": "ann" },
    });
    const run = () => runCheck(check, madeUpFacts({ host: machine.host }));
    const outcome = await run();
    const common = machine.at("etc/postgresql-common/pg_service.conf");
    expect(outcome).toMatchObject({
      found: [
        { object: `${common} [shop]`, place: { file: common, line: 4 } },
        { object: `${machine.at("home/ann/.pg_service.conf")} [a b]`, detail: "a password on line 2" },
      ],
    });
    expect(JSON.stringify(outcome)).not.toContain("canary");
    writeFileSync(common, SERVICES.replace(/^password = .*\n/m, ""));
    writeFileSync(machine.at("home/ann/.pg_service.conf"), "[a b]\npassfile=/run/pass\n");
    expect(objectsOf(await run())).toEqual([]);
  });

  it("is silent on comments, empty values and names that look alike", async () => {
    const text = "[a]\n#password=x\npassword=\npasswordless=1\nuser=password\nrequire_auth=password\n";
    using machine = plantHost({ files: { "etc/pg_service.conf": text } });
    expect(objectsOf(await runCheck(check, madeUpFacts({ host: machine.host })))).toEqual([]);
  });

  it("is unknown without the host, and where a file may not be read", async () => {
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
    using machine = plantHost({ files: {} });
    plantLoop(machine.at("etc/pg_service.conf"));
    expect(await runCheck(check, madeUpFacts({ host: machine.host }))).toMatchObject({ status: "unknown" });
  });
});
