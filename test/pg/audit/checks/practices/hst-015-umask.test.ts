/** HST-015 on planted processes of the server's account, and on a real server. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-015-umask.ts";
import { localHost } from "../../../../../src/audit/facts/host.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { foundOf, LOCAL_LINE, madeUpFacts, objectsOf, outcomeOn } from "../../../../support/audited.ts";
import { sharedCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { needsRoot } from "../../../../support/needs.ts";
import { plantHost } from "../../../../support/planted-host.ts";
import { eventually } from "../../../../support/processes.ts";

const running = (pid: number, name: string, umask: string | undefined, uid = 5_000) => ({
  [`proc/${pid}/status`]: `Name:\t${name}\n${umask === undefined ? "" : `Umask:\t${umask}\n`}Uid:\t${uid}\t${uid}\n`,
  [`proc/${pid}/cmdline`]: `${name}\0`,
});

async function of(files: Record<string, string>, mode = "0700") {
  using machine = plantHost({
    files: { "home/pg/x": "", ...running(1, "init", "0000", 0), ...files },
    homes: { "home/pg": "pg" },
    serverUid: 5_000,
  });
  return await runCheck(check, madeUpFacts({ host: machine.host, settings: { data_directory_mode: mode } }));
}

describe("HST-015 umask", () => {
  it("fires on the account when programs of it leave files open, and names each once", async () => {
    const files = {
      ...running(70, "postgres", "0077"),
      ...running(71, "backup.sh", "0022"),
      ...running(72, "backup.sh", "0022"),
      ...running(73, "archive.sh", "0022"),
      ...running(74, "cat", "0002"),
    };
    const detail = "umask 002: cat; umask 022: archive.sh, backup.sh";
    expect(await of(files)).toMatchObject({ found: [{ object: "account pg", detail }] });
    expect(objectsOf(await of(running(70, "postgres", "0027")))).toEqual(["account pg"]);
  });

  it("names ten programs and counts the rest", async () => {
    const many = Array.from({ length: 12 }, (_, index) => running(70 + index, `job${index}`, "0022"));
    const outcome = await of(Object.assign({}, ...many));
    expect(outcome).toMatchObject({
      found: [{ detail: expect.stringMatching(/^umask 022: (\w+, ){9}\w+ and 2 more$/) }],
    });
  });

  it("is silent on masks that take more, on other accounts, and on 027 where the group may read the data", async () => {
    const files = {
      ...running(70, "postgres", "0077"),
      ...running(71, "x", "0177"),
      ...running(72, "y", "0022", 6_000),
    };
    expect(objectsOf(await of(files))).toEqual([]);
    expect(objectsOf(await of(running(70, "postgres", "0027"), "0750"))).toEqual([]);
  });

  it("is unknown without the host and where no program shows its mask", async () => {
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "unknown", right: "host" });
    expect(await of(running(70, "postgres", undefined))).toMatchObject({ status: "unknown" });
    expect(await of({})).toMatchObject({ status: "unknown" });
  });

  it("sees a real program beside a real server", async (context) => {
    needsRoot(context);
    await using session = await connectTo(await sharedCluster());
    const host = await localHost(session, { line: LOCAL_LINE, isAsked: false });
    const uid = host?.serverUid;
    const child = spawn("sh", ["-c", "umask 022; exec sleep 31"], { ...(uid === undefined ? {} : { uid }) });
    try {
      await eventually(() => readFileSync(`/proc/${child.pid}/comm`, "utf8") === "sleep\n");
      const found = foundOf(await outcomeOn(session, check, { host }));
      expect(found.map(({ object }) => object)).toEqual(["account postgres"]);
      expect(found[0]?.detail).toMatch(/umask 022: (?!.*\bpostgres\b).*\bsleep\b/);
    } finally {
      child.kill();
    }
  });
});
