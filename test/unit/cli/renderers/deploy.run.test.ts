/** The lines of a deploy. */
import { describe, expect, it } from "vitest";
import { PgkeepError } from "../../../../src/base/errors.ts";
import type { View } from "../../../../src/cli/renderer.ts";
import renderer from "../../../../src/cli/renderers/deploy.run.ts";
import type { DeployReport } from "../../../../src/deploy/run/report.ts";

const VIEW: View = {
  colour: false,
  ascii: false,
  width: 100,
  isTerminal: false,
  isFitted: false,
  verbose: false,
  quiet: false,
  program: "pgkeep",
  elapsedMs: 1_234,
};

const line = (event: { type: string; [field: string]: unknown }, view: Partial<View> = {}) =>
  renderer.progress?.(event, { ...VIEW, ...view });

describe("a notice", () => {
  it("[XC-23] is its message, detail and hint, without severity", () => {
    const notice = { type: "deploy.notice", severity: "WARNING", message: "hello\nworld", detail: "d", hint: "h" };
    expect(line(notice)).toBe("hello\nworld\nDETAIL: d\nHINT: h");
  });

  it("[XC-24] has the time before it with --verbose", () => {
    expect(line({ type: "deploy.notice", message: "hello" }, { verbose: true })).toBe("[1.23s] hello");
  });

  it("[D-16] cannot move the cursor, hide text or give commands to a CI system", () => {
    const shown = line({
      type: "deploy.notice",
      message: "a\u001b[2Jb\r\n::error::x\n  ::set-output name=y::z\n##vso[task.complete]\u202e",
      detail: "\u0007##[section]",
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be there.
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(shown).not.toMatch(/^\s*::/m);
    expect(shown).not.toMatch(/##(vso)?\[/);
  });
});

describe("a connection that is tried again", () => {
  const retry = { type: "connect.retrying", attempt: 1, attempts_left: 2, delay_ms: 100, message: "no answer from h" };

  it("is told when the server does not answer, because that wait is long", () => {
    expect(line({ ...retry, code: "CONNECT_TIMEOUT" })).toBe("no answer from h; trying again (1)");
  });

  it("is otherwise told only with --verbose, and under the name pgmi too", () => {
    const refused = { ...retry, code: "CONNECT_REFUSED" };
    expect(line(refused)).toBeUndefined();
    expect(line(refused, { verbose: true })).toBe("[VERBOSE] no answer from h; trying again (1)");
    expect(line({ ...retry, code: "CONNECT_TIMEOUT" }, { program: "pgmi" })).toBeUndefined();
  });
});

describe("our own lines", () => {
  const events = [
    { type: "deploy.file_done", path: "./schema/010.sql", ms: 1_234.5 },
    { type: "deploy.tests_done", passed: 9, failed: 0, ms: 231 },
    { type: "deploy.access_held", pass: 319, computed: 1_202, unknown: 0 },
  ];
  const silence = events.map(() => undefined);

  it("appear on a terminal or with --verbose, and never under the name pgmi", () => {
    expect(events.map((event) => line(event, { isTerminal: true }))).toEqual([
      "  schema/010.sql                   1,235 ms",
      "  tests                            9 passed, 0 failed, 231 ms",
      "  access                           319 passed, 1,202 computed",
    ]);
    expect(events.map((event) => line(event, { verbose: true })).every(Boolean)).toBe(true);
    expect(events.map((event) => line(event))).toEqual(silence);
    expect(events.map((event) => line(event, { verbose: true, isTerminal: true, program: "pgmi" }))).toEqual(silence);
  });

  it("of events that mean nothing to a person are none", () => {
    expect(line({ type: "deploy.released", round_trips: 5 }, { verbose: true })).toBeUndefined();
  });
});

describe("the last line", () => {
  const report: DeployReport = {
    status: "success",
    exitCode: 0,
    database: "sh\u001bop",
    filesLoaded: 2,
    testMacros: 2,
    durationMs: 612,
  };

  it("counts what was loaded and expanded", () => {
    expect(renderer.summary?.(report, VIEW)).toBe("✓ sh\\u{1b}op: 2 files loaded, 2 test macros expanded in 0.61s");
    expect(renderer.summary?.(report, { ...VIEW, program: "pgmi", ascii: true })).toBe(
      "ok sh\\u{1b}op: 2 files loaded, 2 test macro(s) expanded in 0.61s",
    );
  });

  it("of a failure names the unit only when one before it had completed, and is none before the deploy began", () => {
    const failure = (data: Record<string, unknown>) =>
      renderer.failureSummary?.(new PgkeepError("DEPLOY_SQL_FAILED", "x", { data }), VIEW);
    const began = { database: "shop", filesLoaded: 1, durationMs: 100, executionUnits: 3, unitsCommitted: 0 };
    expect(failure({ ...began, unitsCompleted: 0 })).toBe("✗ shop: failed after 0.10s");
    expect(failure({ ...began, unitsCompleted: 2, unitsCommitted: 1 })).toBe(
      "✗ shop: failed after 0.10s (unit 3 of 3 failed; 1 earlier unit(s) already committed)",
    );
    expect(failure({ database: "shop" })).toBeUndefined();
  });
});
