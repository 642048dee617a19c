/**
 * Who lives how long: a server of one run dies with that run, however it ends; one in the background goes on. The runs
 * are processes of their own here, because they get killed.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { systemClock as clock } from "../../../src/base/clock.ts";
import { PgkeepError } from "../../../src/base/errors.ts";
import { embeddedStatus, stopEmbedded } from "../../../src/pg/embedded/control.ts";
import { compileSources } from "../../support/compiled-sources.ts";
import { projectDirectory, seededDirectory, start, TEST_CACHE } from "../../support/embedded.ts";
import { needsRoot } from "../../support/needs.ts";
import { eventually, familyOf, isRunning, parentOf, processesMentioning, uidOf } from "../../support/processes.ts";

let compiled: string;
beforeAll(() => {
  compiled = compileSources();
});
afterAll(() => rmSync(compiled, { recursive: true, force: true }));

/** Starts a server in a new process, prints what came of it as one JSON line, and waits to be ended. */
const RUN = `
import { startEmbedded } from "COMPILED/pg/embedded/start.js";
import { systemClock as clock } from "COMPILED/base/clock.js";
const [directory, form, cache] = process.argv.slice(1);
const options = { directory, background: form === "background", clock, cacheDirectories: cache ? [cache] : undefined };
const report = (event) => console.log(JSON.stringify(event));
try {
  const { pid, dataDir, isJoined, socketDir } = await startEmbedded({ ...options, report });
  console.log(JSON.stringify({ type: "up", pid, dataDir, isJoined, socketDir }));
} catch (error) {
  console.log(JSON.stringify({ type: "failed", code: error.code, message: error.message, detail: error.parts?.detail }));
}
if (form === "foreground") setInterval(() => {}, 1000);
`;

interface Run {
  child: ChildProcess;
  /** The event of that type, once printed. */
  event(type: string): Promise<Record<string, unknown>>;
}

function run(directory: string, form: string, { identity = {}, cache = TEST_CACHE, environment = {} } = {}): Run {
  const script = RUN.replaceAll("COMPILED", compiled);
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, directory, form, cache], {
    ...identity,
    cwd: "/",
    env: { PATH: process.env.PATH, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  // Before the directory's own end: that one refuses while this run lives.
  onTestFinished(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  const ofType = (type: string) =>
    printed
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line))
      .find((event) => event.type === type);
  const event = async (type: string) => {
    await eventually(() => ofType(type) !== undefined || ofType("failed") !== undefined);
    return ofType(type) ?? ofType("failed") ?? { type: "nothing printed" };
  };
  return { child, event };
}

describe("a server of one run", () => {
  it.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)("[E-05] [D-15] is gone after %s to that run", async (signal) => {
    const directory = await seededDirectory();
    const { child, event } = run(directory, "foreground");
    const { pid } = await event("up");
    expect(isRunning(Number(pid))).toBe(true);
    const family = familyOf(parentOf(Number(pid)));
    expect(family.length).toBeGreaterThan(5);
    child.kill(signal);
    expect(await eventually(() => !family.some(isRunning))).toBe(true);
    expect(processesMentioning(directory)).toEqual([]);
    expect((await embeddedStatus(directory)).state).toBe("stopped");
  });

  it("[E-05] is gone when the run was killed while initdb was at work, and the next start is not disturbed", async () => {
    const directory = projectDirectory();
    const { child, event } = run(directory, "foreground");
    await event("db.initializing");
    await eventually(() => processesMentioning(directory).some(({ commandLine }) => commandLine.includes("/initdb ")));
    child.kill("SIGKILL");
    expect(await eventually(() => processesMentioning(directory).length === 0)).toBe(true);
    // initdb was told to end, and cleared what it had made; had it gone on, the directory would be full.
    const parent = join(directory, ".pgkeep");
    const half = readdirSync(parent).filter((name) => /^db\.unfinished-\w+$/.test(name));
    expect(half.flatMap((name) => readdirSync(join(parent, name)))).toEqual([]);
    const server = await start(directory);
    expect(readdirSync(join(server.dataDir, "..")).filter((name) => name.includes("unfinished"))).toEqual([]);
  });

  it("[E-05] has its own process group, so that a Ctrl-C in the terminal does not reach it", async () => {
    const { pid } = await run(await seededDirectory(), "foreground").event("up");
    const group = (id: number): string => readFileSync(`/proc/${id}/stat`, "utf8").split(") ")[1]?.split(" ")[2] ?? "";
    expect(group(Number(pid))).not.toBe(group(process.pid));
  });

  it("is replaced at once by the next start after a kill, with the data kept", async () => {
    const directory = await seededDirectory();
    const first = run(directory, "foreground");
    const { pid } = await first.event("up");
    first.child.kill("SIGKILL");
    const server = await start(directory);
    expect(server.pid).not.toBe(pid);
    expect(isRunning(Number(pid))).toBe(false);
  });

  it("does not keep its run alive: a process that has nothing left to do ends, and the server with it", async () => {
    const directory = await seededDirectory();
    const { child, event } = run(directory, "brief");
    const { pid } = await event("up");
    expect(await eventually(() => child.exitCode !== null)).toBe(true);
    expect(await eventually(() => !isRunning(Number(pid)))).toBe(true);
  });

  it("is not left half-started when the start is called off", async () => {
    const directory = projectDirectory();
    const calledOff = new AbortController();
    const interrupted = new PgkeepError("COMMAND_INTERRUPTED", "interrupted", { state: "the command did not finish" });
    const report = ({ type }: { type: string }): void => {
      if (type === "db.initializing") setTimeout(() => calledOff.abort(interrupted), 100);
    };
    await expect(start(directory, { signal: calledOff.signal, report })).rejects.toMatchObject({
      code: "COMMAND_INTERRUPTED",
      parts: { state: "nothing was started" },
    });
    expect(processesMentioning(directory)).toEqual([]);
    expect(readdirSync(join(directory, ".pgkeep"))).toEqual([".gitignore"]);
    expect((await embeddedStatus(directory)).state).toBe("absent");
    await start(directory);
  });

  it("is not shared: another run says whose it is, and stop refuses", async () => {
    const directory = await seededDirectory();
    const { child, event } = run(directory, "foreground");
    await event("up");
    const inUse = { code: "DB_IN_USE", exit: 15, parts: { detail: expect.stringContaining(String(child.pid)) } };
    await expect(start(directory)).rejects.toMatchObject(inUse);
    await expect(start(directory, { background: true })).rejects.toMatchObject(inUse);
    await expect(stopEmbedded({ directory, clock })).rejects.toMatchObject(inUse);
    expect((await embeddedStatus(directory)).server?.owner?.pid).toBe(child.pid);
  });
});

describe("a server in the background", () => {
  it("lives on after the process that started it, until stop, which leaves nothing", async () => {
    const directory = await seededDirectory();
    const { child, event } = run(directory, "background");
    const { pid } = await event("up");
    if (child.exitCode === null) await once(child, "exit");
    expect(child.exitCode, "the starter ends by itself").toBe(0);
    expect((await embeddedStatus(directory)).server?.server.pid).toBe(pid);
    const family = familyOf(parentOf(Number(pid)));
    expect(await stopEmbedded({ directory, clock })).toBe(pid);
    expect(family.filter(isRunning)).toEqual([]);
    expect(processesMentioning(directory)).toEqual([]);
  });

  it("is joined by a run, and that run's end does not end it", async () => {
    const directory = await seededDirectory();
    const { pid } = await run(directory, "background").event("up");
    const guest = await start(directory);
    expect(guest).toMatchObject({ isJoined: true, pid });
    await guest.stop();
    expect(isRunning(Number(pid))).toBe(true);
    await stopEmbedded({ directory, clock });
  });

  it("[E-05] that was killed is seen as stopped, and starts again", async () => {
    const directory = await seededDirectory();
    const { pid } = await run(directory, "background").event("up");
    const family = familyOf(parentOf(Number(pid)));
    process.kill(Number(pid), "SIGKILL");
    await eventually(() => !family.some(isRunning));
    expect((await embeddedStatus(directory)).state).toBe("stopped");
    expect((await start(directory)).isJoined).toBe(false);
  });

  it("that does not end when told is reported as still running, not as stopped", async () => {
    const directory = await seededDirectory();
    const server = await start(directory, { background: true });
    process.kill(server.pid, "SIGSTOP");
    onTestFinished(() => {
      process.kill(server.pid, "SIGCONT");
    });
    let monotonic = 0;
    const impatient = { ...clock, monotonicMs: () => (monotonic += 2_000) };
    await expect(stopEmbedded({ directory, clock: impatient })).rejects.toMatchObject({
      code: "DB_STOP_FAILED",
      parts: { detail: expect.stringContaining(String(server.pid)), state: expect.stringContaining("running") },
    });
    expect((await embeddedStatus(directory)).state).toBe("running");
  });

  it.each([
    ["first start", false],
    ["later start", true],
  ])("[E-05] two starts at once give one server: %s", async (_name, isSeeded) => {
    const directory = isSeeded ? await seededDirectory() : projectDirectory();
    const runs = [1, 2, 3].map(() => run(directory, "background"));
    const ups = await Promise.all(runs.map(({ event }) => event("up")));
    expect(ups.map(({ type }) => type)).toEqual(["up", "up", "up"]);
    expect(new Set(ups.map(({ pid }) => pid)).size).toBe(1);
    expect(ups.filter(({ isJoined }) => isJoined).length).toBe(2);
    expect(
      processesMentioning(`-D ${ups[0]?.dataDir}`).filter(({ commandLine }) => !commandLine.startsWith("/bin/sh")),
    ).toHaveLength(1);
    await stopEmbedded({ directory, clock });
  });

  it("[E-05] of two runs that want it for themselves at once, one gets it and the other is told", async () => {
    const directory = await seededDirectory();
    const outcomes = await Promise.all([1, 2].map(() => run(directory, "foreground").event("up")));
    expect(outcomes.map(({ type, code }) => code ?? type).sort()).toEqual(["DB_IN_USE", "up"]);
  });
});

describe("an ordinary user", () => {
  beforeEach(needsRoot);

  /** nobody: an account whose home does not exist, so even the cache has to be elsewhere. */
  const nobody = { uid: 65534, gid: 65534 };

  it("[E-03] runs the server as itself, with all files its own, and can stop it", async () => {
    const directory = projectDirectory();
    chownSync(directory, nobody.uid, nobody.gid);
    const environment = { HOME: "/nonexistent" };
    onTestFinished(() => rmSync(join(tmpdir(), "pgkeep-cache-65534"), { recursive: true, force: true }));
    const { event } = run(directory, "background", { identity: nobody, cache: "", environment });
    const up = await event("up");
    expect(up).toMatchObject({ type: "up", dataDir: join(directory, ".pgkeep/db") });
    expect(uidOf(Number(up.pid))).toBe(nobody.uid);
    for (const name of ["", "pgpass", "db", "db/PG_VERSION", "run"]) {
      expect(statSync(join(directory, ".pgkeep", name)).uid, name).toBe(nobody.uid);
    }
    const stopper = spawnSync(
      process.execPath,
      ["--input-type=module", "-e", STOP.replaceAll("COMPILED", compiled), directory],
      { ...nobody, cwd: "/", env: environment, encoding: "utf8" },
    );
    expect(stopper.stdout.trim()).toBe(String(up.pid));
    expect(processesMentioning(directory)).toEqual([]);
  });

  it("[E-06] cannot enter the state directory of another user, nor start anything in it", async () => {
    const directory = projectDirectory();
    await (await start(directory)).stop();
    const { event } = run(directory, "foreground", {
      identity: nobody,
      cache: "",
      environment: { HOME: "/nonexistent" },
    });
    expect(await event("up")).toMatchObject({ type: "failed", code: "DB_DIRECTORY_UNSAFE" });
    const listing = spawnSync("ls", [join(directory, ".pgkeep")], { ...nobody, encoding: "utf8" });
    expect(listing.status).not.toBe(0);
  });

  it("[E-04] does not take binaries from a cache that somebody else laid out for it", async () => {
    const directory = projectDirectory();
    chownSync(directory, nobody.uid, nobody.gid);
    const planted = join(tmpdir(), `pgkeep-planted-${process.pid}`);
    mkdirSync(planted, { mode: 0o777 });
    onTestFinished(() => rmSync(planted, { recursive: true, force: true }));
    const { event } = run(directory, "foreground", { identity: nobody, cache: planted });
    expect(await event("up")).toMatchObject({ type: "failed", code: "DB_DIRECTORY_UNSAFE" });
    expect(existsSync(join(directory, ".pgkeep/db"))).toBe(false);
  });

  it("without an entry in the user database is told so", async () => {
    const directory = projectDirectory();
    chownSync(directory, 54321, 54321);
    const { event } = run(directory, "foreground", { identity: { uid: 54321, gid: 54321 } });
    expect(await event("up")).toMatchObject({
      type: "failed",
      code: "DB_USER_UNAVAILABLE",
      detail: expect.stringContaining("54321"),
    });
  });
});

const STOP = `
import { stopEmbedded } from "COMPILED/pg/embedded/control.js";
import { systemClock as clock } from "COMPILED/base/clock.js";
console.log(await stopEmbedded({ directory: process.argv[1], clock }));
`;
