/** When the machine of a server is looked at, and what is told of its accounts and processes. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Unanswered } from "../../../../src/audit/answers.ts";
import { type HostFacts, localHost } from "../../../../src/audit/facts/host.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { LOCAL_LINE } from "../../../support/audited.ts";
import { startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { needsRoot } from "../../../support/needs.ts";
import { temporaryDirectory } from "../../../support/project.ts";

const FAR = { ...LOCAL_LINE, host: "10.0.0.5", isLoopback: false };

describe("the server's machine", () => {
  let cluster: TestCluster;
  let session: Session;
  beforeAll(async () => {
    cluster = await startCluster();
    session = await connectTo(cluster);
  });
  afterAll(async () => {
    await session.close();
    await cluster.stop();
  });

  it("is looked at when its postmaster.pid was written by this server", async () => {
    const host = await localHost(session, { line: LOCAL_LINE, isAsked: false });
    expect(host).toMatchObject({ serverPid: cluster.pid, serverUid: expect.any(Number) });
  });

  it("is not looked at over a network, and not without asking anything", async () => {
    expect(await localHost(session, { line: FAR, isAsked: false })).toBeUndefined();
    expect(await localHost(session, { line: FAR, isAsked: true })).toMatchObject({ serverPid: cluster.pid });
  });

  it("is not looked at when the file is of another server: another port, another start, none at all", async () => {
    const path = join(cluster.dataDir, "postmaster.pid");
    const right = readFileSync(path, "utf8");
    const lines = right.split("\n");
    try {
      for (const [index, value] of [
        [2, String(Number(lines[2]) - 60)],
        [3, "5432"],
      ] as const) {
        writeFileSync(path, lines.with(index, value).join("\n"));
        expect(await localHost(session, { line: LOCAL_LINE, isAsked: false })).toBeUndefined();
        expect(await localHost(session, { line: LOCAL_LINE, isAsked: true })).toMatchObject({ serverPid: undefined });
      }
    } finally {
      writeFileSync(path, right);
    }
  });

  it("is not looked at when the server does not show this role where its data is", async () => {
    await session.script("begin; create role lab_blind; set local role lab_blind");
    try {
      expect(await localHost(session, { line: LOCAL_LINE, isAsked: false })).toBeUndefined();
    } finally {
      await session.script("rollback");
    }
  });
});

describe("accounts and processes", () => {
  const planted = (files: Record<string, string>) => {
    const directory = temporaryDirectory(files);
    return { directory, places: { etc: directory.at("etc"), proc: directory.at("proc") } };
  };
  let cluster: TestCluster;
  let session: Session;
  const hostWith = async (places: { etc: string; proc: string }): Promise<HostFacts> => {
    const host = await localHost(session, { line: LOCAL_LINE, isAsked: true, places });
    if (host === undefined) throw new Error("the machine was asked for");
    return host;
  };
  beforeAll(async () => {
    cluster = await startCluster();
    session = await connectTo(cluster);
  });
  afterAll(async () => {
    await session.close();
    await cluster.stop();
  });

  it("are told with each home once, those that were never made left out", async () => {
    const { directory, places } = planted({ "home/ann/x": "" });
    using _ = directory;
    const home = directory.at("home/ann");
    writeFileSync(directory.at("x"), "");
    const passwd = `root:x:0:0::/:/bin/sh\nann:x:1000:1000::${home}:/bin/sh\nbob:x:1001:1001::${home}:/bin/sh\nnone:x:1002:1002::/nonexistent:/bin/sh\n`;
    const { mkdirSync } = await import("node:fs");
    mkdirSync(places.etc);
    writeFileSync(join(places.etc, "passwd"), passwd);
    const host = await hostWith(places);
    expect(host.accounts()).toEqual([{ name: "ann", uid: 1000, home }]);
    expect([host.accountName(1001), host.accountName(77)]).toEqual(["bob", "77"]);
    expect(() => host.passwordState("ann")).toThrow(Unanswered);
    expect(() => host.processes()).toThrow(/no \/proc/);
  });

  it("tell whether a password is set, from the second field of shadow", async () => {
    const { directory, places } = planted({
      "etc/shadow": "a:!:1::::::\nb:*:1::::::\nc:$y$j9T$canary:1::::::\nd::1::::::\ne:!$6$canary:1::::::\n",
    });
    using _ = directory;
    const host = await hostWith(places);
    expect(["a", "b", "c", "d", "e"].map((name) => host.passwordState(name))).toEqual([
      "locked",
      "locked",
      "set",
      "none",
      "locked",
    ]);
  });

  it("never tell a value of an environment or of a command line", async () => {
    const { directory, places } = planted({
      "proc/1/status": "Name:\tinit\nUmask:\t0022\nUid:\t0\t0\t0\t0\n",
      "proc/1/cmdline": "init\0",
      "proc/1/environ": "PATH=/bin\0",
      "proc/70/status": "Name:\tpsql\nUmask:\t0077\nUid:\t1000\t1000\t1000\t1000\n",
      "proc/70/cmdline": "psql\0postgresql://app:canary-1@db/shop\0",
      "proc/70/environ": "PGPASSWORD=canary-2\0HOME=/home/x\0",
      "proc/71/status": "Name:\tgone\n",
    });
    using _ = directory;
    const processes = (await hostWith(places)).processes();
    expect(processes).toMatchObject([
      { pid: 1, uid: 0, name: "init", umask: 0o022, secretOptions: [] },
      { pid: 70, uid: 1000, umask: 0o077, secretOptions: ["a connection URL"], variables: ["PGPASSWORD", "HOME"] },
    ]);
    expect(JSON.stringify(processes)).not.toContain("canary");
  });

  it("are unknown where /proc hides those of others", async () => {
    const { directory, places } = planted({
      "proc/70/status": "Name:\tpsql\nUid:\t1000\n",
      "proc/70/cmdline": "psql\0",
    });
    using _ = directory;
    const host = await hostWith(places);
    expect(() => host.processes()).toThrow(/hides the processes/);
  });

  describe("of this machine", () => {
    it("are found, ours left out", async () => {
      const child = spawn("sleep", ["30"], { env: { PATH: process.env.PATH, PGPASSWORD: "canary-3" } });
      try {
        const host = await hostWith({ etc: "/etc", proc: "/proc" });
        const found = host.processes().find(({ pid }) => pid === child.pid);
        expect(found).toMatchObject({ name: "sleep", secretOptions: [], variables: ["PATH", "PGPASSWORD"] });
        expect(host.processes().some(({ pid }) => pid === process.pid)).toBe(false);
      } finally {
        child.kill();
      }
    });
  });

  describe("as root", () => {
    it("tell of the server's own account", async (context) => {
      needsRoot(context);
      const host = await hostWith({ etc: "/etc", proc: "/proc" });
      expect(host.accountName(host.serverUid ?? -1)).toBe("postgres");
      expect(host.passwordState("postgres")).toBe("locked");
    });
  });
});
