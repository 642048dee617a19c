/** HST-006 on planted profiles and processes, and on a real process. */
import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-006-password-variable.ts";
import { hostAt } from "../../../../../src/audit/facts/host.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { foundOf, madeUpFacts, objectsOf } from "../../../../support/audited.ts";
import { needsRoot } from "../../../../support/needs.ts";
import { plantHost } from "../../../../support/planted-host.ts";

const INIT = {
  "proc/1/status": "Name:\tinit\nUid:\t0\t0\t0\t0\n",
  "proc/1/cmdline": "init\0",
  "proc/1/environ": "A=b\0",
};
const psql = (pid: number, environment: string) => ({
  [`proc/${pid}/status`]: "Name:\tpsql\nUid:\t5000\t5000\t5000\t5000\n",
  [`proc/${pid}/cmdline`]: "psql\0",
  [`proc/${pid}/environ`]: environment,
});

describe("HST-006 PGPASSWORD", () => {
  it("fires on files and processes, by name alone, and is silent when they are gone", async () => {
    using machine = plantHost({
      files: {
        ...INIT,
        ...psql(70, "PGPASSWORD=canary-1\0HOME=/\0"),
        ...psql(71, "PGPASSWORD=canary-2\0"),
        "etc/environment": 'PATH=/bin\nPGPASSWORD="canary-3"\n',
        "etc/profile.d/db.sh": "export PGPASSWORD=canary-4\n",
        "home/ann/.bashrc": "# hello\n  export PGPASSWORD='canary-5'\n",
      },
      homes: { "home/ann": "ann" },
    });
    const run = () => runCheck(check, madeUpFacts({ host: machine.host }));
    const outcome = await run();
    expect(objectsOf(outcome)).toEqual([
      `${machine.at("etc/environment")}: PGPASSWORD`,
      `${machine.at("etc/profile.d/db.sh")}: PGPASSWORD`,
      `${machine.at("home/ann/.bashrc")}: PGPASSWORD`,
      "process psql of ann: PGPASSWORD",
    ]);
    expect(foundOf(outcome).at(-1)?.detail).toBe("pid 70, 71");
    expect(JSON.stringify(outcome)).not.toContain("canary");
    for (const file of ["etc/environment", "etc/profile.d/db.sh", "home/ann/.bashrc"])
      writeFileSync(machine.at(file), "");
    for (const pid of [70, 71]) rmSync(machine.at(`proc/${pid}`), { recursive: true });
    const later = hostAt({ etc: machine.at("etc"), proc: machine.at("proc") }, { serverUid: 1, serverPid: 1 });
    expect(objectsOf(await runCheck(check, madeUpFacts({ host: later })))).toEqual([]);
  });

  it("is silent on what looks alike", async () => {
    using machine = plantHost({
      files: {
        ...INIT,
        ...psql(70, "PGPASSFILE=/run/x\0NOTE=PGPASSWORD=x\0MY_PGPASSWORD=x\0"),
        "etc/profile.d/db.sh":
          '# export PGPASSWORD=x\nexport PGPASSWORD="$(pass db)"\nPGPASSWORD=$OTHER\nunset PGPASSWORD\n',
      },
    });
    expect(objectsOf(await runCheck(check, madeUpFacts({ host: machine.host })))).toEqual([]);
  });

  it("is unknown without the host, where /proc is closed, and where environments of others are", async () => {
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
    using closed = plantHost({ files: psql(70, "") });
    expect(await runCheck(check, madeUpFacts({ host: closed.host }))).toMatchObject({ status: "unknown" });
    using others = plantHost({ files: { ...INIT, ...psql(70, "x") } });
    rmSync(others.at("proc/70/environ"));
    const asAccount = async (uid: number) => {
      using _ = vi.spyOn(process, "geteuid").mockReturnValue(uid);
      return await runCheck(check, madeUpFacts({ host: others.host }));
    };
    const reason = "the environment of 1 process may not be looked at";
    expect(await asAccount(5_000)).toEqual({ status: "unknown", reason, right: "host" });
    // Root of a container: "run it as root" would send somebody round in a circle.
    expect(await asAccount(0)).toEqual({
      status: "unknown",
      reason: `${reason}: this root has no CAP_SYS_PTRACE, as in most containers`,
      right: undefined,
    });
  });

  it("sees a real process", async (context) => {
    needsRoot(context);
    const child = spawn("sleep", ["30"], { env: { PATH: process.env.PATH, PGPASSWORD: "canary-6" } });
    try {
      using machine = plantHost({ files: {} });
      const host = hostAt({ etc: machine.at("etc"), proc: "/proc" }, { serverUid: 0, serverPid: 1 });
      const outcome = await runCheck(check, madeUpFacts({ host }));
      const found = foundOf(outcome).find(({ object }) => object === "process sleep of root: PGPASSWORD");
      expect(found?.detail).toContain(String(child.pid));
      expect(JSON.stringify(outcome)).not.toContain("canary");
    } finally {
      child.kill();
    }
  });
});
