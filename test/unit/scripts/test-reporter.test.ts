/** What `npm test` counts and names at its end comes from this reporter: nothing skipped in silence, every server named. */
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import CountingReporter from "../../../scripts/test-reporter.mjs";

interface FakeCase {
  state: "passed" | "failed" | "skipped";
  note?: string;
  connector?: { name: string; server?: string; reason?: string };
}

const before = process.env.PGKEEP_TEST_RESULTS;
afterEach(() => {
  process.env.PGKEEP_TEST_RESULTS = before ?? "";
});

function resultsOf(cases: readonly FakeCase[]) {
  const path = join(mkdtempSync(join(tmpdir(), "pgkeep-reporter-")), "results.json");
  process.env.PGKEEP_TEST_RESULTS = path;
  const reporter = new CountingReporter();
  for (const { state, note, connector } of cases) {
    reporter.onTestCaseResult({
      module: { relativeModuleId: "a.test.ts" },
      fullName: "does it",
      result: () => ({ state, note }),
      meta: () => ({ connector }),
    });
  }
  reporter.onTestRunEnd([], []);
  return JSON.parse(readFileSync(path, "utf8"));
}

describe("the reporter of npm test", () => {
  it("counts what passed and failed, and keeps the reason of what was skipped", () => {
    expect(resultsOf([{ state: "passed" }, { state: "failed" }, { state: "skipped", note: "no java" }])).toEqual({
      passed: 1,
      failed: ["a.test.ts > does it"],
      skipped: [{ test: "a.test.ts > does it", reason: "no java" }],
      connectors: [],
    });
  });

  it("names each connector once, with the server that it met, or why it met none", () => {
    const redis = { name: "sink redis", server: "redis-server 7.0.15" };
    const { connectors } = resultsOf([
      { state: "skipped", note: "x", connector: { name: "sink redis", reason: "too early" } },
      { state: "passed", connector: redis },
      { state: "skipped", note: "x", connector: { name: "sink redis", reason: "too late" } },
      { state: "skipped", note: "x", connector: { name: "sink kafka", reason: "java is not installed" } },
      { state: "skipped", note: "x", connector: { name: "sink kafka", reason: "java is not installed" } },
    ]);
    expect(connectors).toEqual([redis, { name: "sink kafka", reason: "java is not installed" }]);
  });
});
