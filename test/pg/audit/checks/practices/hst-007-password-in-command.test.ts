/** HST-007 on planted processes and on a real one. */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-007-password-in-command.ts";
import { hostAt } from "../../../../../src/audit/facts/host.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { foundOf, madeUpFacts, objectsOf } from "../../../../support/audited.ts";
import { plantHost } from "../../../../support/planted-host.ts";

const process1 = { "proc/1/status": "Name:\tinit\nUid:\t0\n", "proc/1/cmdline": "init\0" };
const running = (pid: number, name: string, words: string[]) => ({
  [`proc/${pid}/status`]: `Name:\t${name}\nUid:\t5000\t5000\n`,
  [`proc/${pid}/cmdline`]: `${words.join("\0")}\0`,
});

describe("HST-007 passwords in command lines", () => {
  it("fires on options and URLs, by name alone, and is silent when the processes are gone", async () => {
    using machine = plantHost({
      files: {
        ...process1,
        ...running(70, "psql", ["psql", "postgresql://app:canary-1@db/shop"]),
        ...running(71, "pgkeep", ["pgkeep", "deploy", ".", "--param", "app_password=canary-2"]),
      },
      homes: { etc: "ann" },
    });
    const outcome = await runCheck(check, madeUpFacts({ host: machine.host }));
    expect(objectsOf(outcome)).toEqual([
      "process pgkeep of ann: --param app_password",
      "process psql of ann: a connection URL",
    ]);
    expect(JSON.stringify(outcome)).not.toContain("canary");
    for (const pid of [70, 71]) rmSync(machine.at(`proc/${pid}`), { recursive: true });
    const later = hostAt({ etc: machine.at("etc"), proc: machine.at("proc") }, { serverUid: 1, serverPid: 1 });
    expect(objectsOf(await runCheck(check, madeUpFacts({ host: later })))).toEqual([]);
  });

  it("is silent on what looks alike, on ourselves, and on threads of the kernel", async () => {
    using machine = plantHost({
      files: {
        ...process1,
        ...running(2, "kthreadd", []),
        ...running(70, "psql", ["psql", "postgresql://app@db/shop", "--password"]),
        ...running(process.pid, "node", ["node", "--password=x"]),
      },
    });
    expect(objectsOf(await runCheck(check, madeUpFacts({ host: machine.host })))).toEqual([]);
  });

  it("is unknown without the host and where /proc hides others' processes", async () => {
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
    using machine = plantHost({ files: running(70, "psql", ["psql"]) });
    expect(await runCheck(check, madeUpFacts({ host: machine.host }))).toMatchObject({ status: "unknown" });
  });

  it("sees a real process", async () => {
    const child = spawn("sh", ["-c", "sleep 30; true", "sh", "host=db password=canary-3"]);
    try {
      using machine = plantHost({ files: {} });
      const host = hostAt({ etc: machine.at("etc"), proc: "/proc" }, { serverUid: 0, serverPid: 1 });
      const outcome = await runCheck(check, madeUpFacts({ host }));
      const own = foundOf(outcome).find(({ detail }) => detail.includes(String(child.pid)));
      expect(own?.object).toMatch(/^process sh of .*: password= of a connection string$/);
      expect(JSON.stringify(outcome)).not.toContain("canary");
    } finally {
      child.kill();
    }
  });
});
