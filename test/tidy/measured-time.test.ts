/** No test holds a measured duration below a number, and the search for such tests finds what people write. */
import { describe, expect, it } from "vitest";
import { upperBoundsOnTime } from "./measured-time.ts";
import { filesBelow, read } from "./repository.ts";

const OWN = "test/tidy/measured-time.test.ts";

it("no test holds a measured duration below a number", () => {
  const files = filesBelow("test", ".ts").filter((path) => path !== OWN);
  expect(
    upperBoundsOnTime(files.map((path) => ({ path, text: read(path) }))),
    "a busy machine breaks it: use expectLinearTime of test/support/growth.ts for growth; for what must end by itself, a " +
      "natural end that is far away, the failure's own code, or the order of two events; figures belong in bench/",
  ).toEqual([]);
});

const HELPER = {
  path: "test/support/duration.ts",
  text: `export async function durationMs(work) {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}`,
};
const MEMBERS = { path: "test/support/program.ts", text: "outcome.elapsedMs = performance.now() - started;" };

function found(text: string): boolean {
  return upperBoundsOnTime([HELPER, MEMBERS, { path: "test/unit/one.test.ts", text }]).length > 0;
}

describe("the search finds", () => {
  it.each([
    ["the difference itself", "expect(performance.now() - started).toBeLessThan(5_000);"],
    ["the wall clock's", "expect(Date.now() - started).toBeLessThanOrEqual(2_000);"],
    ["nanoseconds", "expect(Number(process.hrtime.bigint() - start) / 1e6, piece).toBeLessThan(1000);"],
    ["processor time", "const used = process.cpuUsage(before);\nexpect(used.user).toBeLessThan(10);"],
    ["a variable", "const elapsed = performance.now() - started;\nexpect(elapsed).toBeLessThan(1_500);"],
    ["seconds", "const seconds = (performance.now() - began) / 1_000;\nexpect(seconds).toBeLessThan(3);"],
    [
      "the best of several",
      `const times = Array.from({ length: 5 }, () => {
       const started = performance.now();
       work();
       return performance.now() - started;
     });
     expect(Math.min(...times)).toBeLessThan(100);`,
    ],
    [
      "the best, by a name",
      `const best = Math.min(...[1, 2].map(() => {
       const started = performance.now();
       return performance.now() - started;
     }));
     expect(best).toBeLessThan(60);`,
    ],
    ["a list", "times.push(performance.now() - begin);\nexpect(times[0]).toBeLessThan(3);"],
    [
      "a member",
      "return { answers, ms: Date.now() - started };\nconst { answers, ms } = probed();\nexpect(ms).toBeLessThan(2_500);",
    ],
    [
      "a function of the file",
      `const elapsedTime = async (work: () => Promise<unknown>): Promise<number> => {
       const start = process.hrtime.bigint();
       await work();
       return Number(process.hrtime.bigint() - start) / 1e6;
     };
     const spent = await elapsedTime(read);
     expect(spent, JSON.stringify(piece)).toBeLessThan(PATIENCE_MS);`,
    ],
    ["a helper", 'expect(await durationMs(() => sink.close()), "close").toBeLessThan(2_500);'],
    ["a helper, by a name", "const tookMs = await durationMs(stop);\nexpect.soft(tookMs, what).toBeLessThan(limit);"],
    ["a helper's member", "const { error, elapsedMs } = await askFor();\nexpect(elapsedMs).toBeLessThan(3000);"],
    [
      "another moment",
      "const began = Date.now();\nconst tookMs = (newest()?.at ?? 0) - began;\nexpect(tookMs).toBeLessThan(3);",
    ],
    [
      "behind a text that opens a comment",
      'it.each(["/*"])("reads %j", () => {\nexpect(performance.now() - a).toBeLessThan(2);',
    ],
    ["several lines", "expect(\n  performance.now() - started,\n  what,\n).toBeLessThan(5);"],
    ["the limit first", "expect(5_000).toBeGreaterThan(performance.now() - started);"],
    ["a denial", "expect(performance.now() - started).not.toBeGreaterThan(5_000);"],
    ["a comparison", "expect(performance.now() - started < 5_000).toBe(true);"],
    ["an assertion", "const ms = Date.now() - started;\nassert(ms < 5);"],
    ["a throw", "if (performance.now() - started > 5_000) throw new Error(late);"],
  ])("%s", (_, text) => expect(found(text)).toBe(true));
});

describe("the search passes over", () => {
  it.each([
    ["a lower bound", "expect(performance.now() - started).toBeGreaterThan(450);"],
    ["a lower bound by a name", "const ms = performance.now() - started;\nexpect(ms).toBeGreaterThanOrEqual(500);"],
    ["an order of moments", "const before = Date.now();\nexpect(marker.timeMs).toBeLessThanOrEqual(Date.now());"],
    [
      "time that is left",
      "const leftMs = Date.parse(expiresAt) - Date.now();\nexpect(leftMs).toBeLessThanOrEqual(900_000);",
    ],
    ["a number of its own", "const ms = performance.now() - started;\nlog(ms);\nexpect(rows.length).toBeLessThan(40);"],
    [
      "another expectation after a lower bound",
      "expect(Date.now() - start).toBeGreaterThan(5);\nexpect(open).toBeLessThan(4);",
    ],
    [
      "a wait with an end",
      "const end = performance.now() + 5_000;\nif (performance.now() > end) throw new Error(what);",
    ],
    ["a moment long ago", "expect(Date.parse(cutoff)).toBeGreaterThan(Date.now() - 25 * 3_600_000);"],
    ["a comment", "// expect(performance.now() - started).toBeLessThan(5);\nwork();"],
  ])("%s", (_, text) => expect(found(text)).toBe(false));
});
