/** How records of runs look, and that what they hold cannot make a terminal do anything. */
import { describe, expect, it } from "vitest";
import type { View } from "../../../../src/cli/renderer.ts";
import runsList from "../../../../src/cli/renderers/runs.list.ts";
import runsShow from "../../../../src/cli/renderers/runs.show.ts";

const view: View = {
  colour: false,
  ascii: true,
  width: 200,
  isTerminal: true,
  isFitted: true,
  verbose: false,
  quiet: false,
  program: "pgkeep",
  elapsedMs: 0,
};

const HOSTILE = "./a\u001b[31m\u202e\n::error::x\u0007.sql";
const ID = "20261121T060301123Z-4f3a9c";

type Shown = Parameters<NonNullable<typeof runsShow.result>>[0];
const RUN: Shown = {
  id: ID,
  started_at: "2026-11-21T06:03:01.123Z",
  ended_at: "2026-11-21T06:03:02.000Z",
  result: "failed",
  exit_code: 13,
  code: "DEPLOY_SQL_FAILED",
  sqlstate: "22012",
  script: "./b.sql",
  line: 4,
  state: "rolled back",
  find_out: null,
  duration_ms: 610,
  database: "shop",
  role: "migrator",
  servers: ["db:5432"],
  server: { host: "db", port: 5432, version: 180004 },
  application_name: "pgmi",
  account: "ann",
  machine: "ci-7",
  pid: 4711,
  project: "/srv/shop",
  project_checksum: "c0ffee",
  overwrite: false,
  files: 3,
  parameters: 2,
  units: 1,
  units_committed: 0,
  warnings: ["superuser"],
  file_times: [
    { path: "./a.sql", ms: 100, checksum: null },
    { path: "./b.sql", ms: 25, checksum: null },
  ],
  tests: { passed: 1, failed: 1, skipped: 0 },
  test_results: [
    { path: "./__test__/t.sql", result: "passed", ms: 2 },
    { path: "./__test__/u.sql", result: "failed", ms: 1 },
  ],
  left_out: 0,
};

describe("runs show", () => {
  it("says what, where, by whom, how it ended, and draws a bar of time for each file", () => {
    expect(runsShow.result?.(RUN, view)).toBe(`run ${ID}: failed (DEPLOY_SQL_FAILED, exit 13)
  database   shop at db:5432 as migrator
  project    /srv/shop, 3 files, 2 parameters
  checksum   c0ffee
  started    2026-11-21T06:03:01.123Z by ann on ci-7
  took       0.61 s
  failed in  ./b.sql line 4
  state      rolled back
  warnings   superuser

  ./a.sql      100.0 ms  ####################
  ./b.sql       25.0 ms  #####

  tests: 1 passed, 1 failed, 3 ms
  FAILED ./__test__/u.sql
`);
  });

  it("tames every word of the record", () => {
    const hostile = {
      ...RUN,
      database: HOSTILE,
      role: HOSTILE,
      project: HOSTILE,
      machine: HOSTILE,
      account: HOSTILE,
      started_at: HOSTILE,
      state: HOSTILE,
      find_out: HOSTILE,
      script: HOSTILE,
      project_checksum: HOSTILE,
      warnings: [HOSTILE],
      file_times: [{ path: HOSTILE, ms: 1, checksum: null }],
      test_results: [{ path: HOSTILE, result: "failed" as const, ms: 1 }],
      server: null,
      servers: [HOSTILE],
    };
    const text = runsShow.result?.(hostile, view) ?? "";
    for (const sign of ["\u001b", "\u202e", "\u0007"]) expect(text).not.toContain(sign);
    expect(text).not.toMatch(/^::error/m);
  });
});

describe("runs list", () => {
  const row = {
    id: ID,
    started_at: RUN.started_at,
    result: "ended without a result" as const,
    exit_code: null,
    database: HOSTILE,
    servers: [],
    project: HOSTILE,
    files: 3,
    tests_passed: null,
    tests_failed: null,
    duration_ms: null,
    account: "ann",
  };

  it("has one line per run and counts what it does not show", () => {
    const text = runsList.result?.({ runs: [row], total: 5, unreadable: 1 }, view) ?? "";
    expect(text.split("\n")).toHaveLength(5);
    expect(text).toMatch(/ended without a result/);
    expect(text).toMatch(/^1 damaged or of a later version\n3 older \(--limit\)\n$/m);
    for (const sign of ["\u001b", "\u202e", "\u0007"]) expect(text).not.toContain(sign);
  });

  it("says so when there is none", () => {
    expect(runsList.result?.({ runs: [], total: 0, unreadable: 0 }, view)).toBe("no deploy has left a record yet\n");
  });
});
