/** One at a time per directory, and nobody shut out by the dead. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/base/clock.ts";
import { identify, isStillRunning } from "../../../../src/pg/embedded/process-identity.ts";
import { acquireStartLock } from "../../../../src/pg/embedded/start-lock.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pgkeep-lock-"));
  path = join(directory, "db.lock");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const acquire = (more = {}) => acquireStartLock(path, { clock: systemClock, ...more });

describe("the start lock", () => {
  it("is held by one at a time, also inside one process, and leaves no file", async () => {
    let holders = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      await using _lock = await acquire();
      holders++;
      most = Math.max(most, holders);
      await delay(5);
      holders--;
    };
    await Promise.all([1, 2, 3, 4, 5].map(work));
    expect(most).toBe(1);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("names its process, and tells a waiter once that it waits", async () => {
    const lock = await acquire();
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ pid: process.pid });
    let waits = 0;
    const waiter = acquire({ onWait: () => waits++ });
    await delay(100);
    await lock[Symbol.asyncDispose]();
    await (await waiter)[Symbol.asyncDispose]();
    expect(waits).toBe(1);
  });

  it.each([
    ["of a process that is gone", { pid: 2 ** 30, started: "x" }],
    ["of another process with our number", { pid: process.pid, started: "another moment" }],
  ])("[E-05] %s is taken over", async (_name, holder) => {
    writeFileSync(path, JSON.stringify(holder));
    await using _lock = await acquire();
    expect(JSON.parse(readFileSync(path, "utf8")).pid).toBe(process.pid);
    expect(readdirSync(directory)).toEqual(["db.lock"]);
  });

  it("[E-05] of a process that is gone is taken over by one of many", { repeats: 40 }, async () => {
    writeFileSync(path, JSON.stringify({ pid: 2 ** 30, started: "x" }));
    let holders = 0;
    const work = async (): Promise<void> => {
      await using _lock = await acquire();
      expect(++holders).toBe(1);
      await delay(2);
      holders--;
    };
    await Promise.all(Array.from({ length: 8 }, work));
    expect(readdirSync(directory)).toEqual([]);
  });

  it("left empty by a process that died while writing it is taken over after two seconds", async () => {
    writeFileSync(path, "");
    let monotonic = 0;
    const clock = { now: () => new Date(0), monotonicMs: () => (monotonic += 300) };
    await using _lock = await acquireStartLock(path, { clock });
    expect(monotonic).toBeGreaterThan(2_000);
  });

  it("held by a living process for a minute is reported with its holder", async () => {
    await using _lock = await acquire();
    let monotonic = 0;
    const clock = { now: () => new Date(0), monotonicMs: () => (monotonic += 30_000) };
    await expect(acquireStartLock(path, { clock })).rejects.toMatchObject({
      code: "DB_IN_USE",
      exit: 15,
      parts: { detail: expect.stringContaining(String(process.pid)) },
    });
  });

  it("gives up waiting when the signal says so", async () => {
    await using _lock = await acquire();
    await expect(acquire({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: "TimeoutError" });
  });
});

describe("a process's identity", () => {
  it("[E-05] is its number and its start: the same number started at another moment is another process", async () => {
    const me = await identify(process.pid);
    expect(await isStillRunning(me)).toBe(true);
    expect(await isStillRunning({ pid: process.pid, started: `${me?.started}0` })).toBe(false);
    expect(await identify(2 ** 30)).toBeUndefined();
    expect(await isStillRunning(undefined)).toBe(false);
  });

  it.each([0, -1, Number.NaN])("does not exist for %d, which would mean a group or everybody", async (pid) => {
    expect(await identify(pid)).toBeUndefined();
  });
});
