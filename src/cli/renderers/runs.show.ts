/** One deploy: what and where, how it ended, then a bar of time for each file. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/runs.show.ts";
import { defineRenderer, type View } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: (run, view) =>
    `${[...headLines(run), ...endLines(run), ...fileLines(run, view), ...testLines(run), ""].join("\n")}`,
});

function headLines(run: Output): string[] {
  const where = run.server ? `${run.server.host}:${run.server.port}` : run.servers.join(", ");
  return [
    `run ${run.id}: ${run.result}${run.code === null ? "" : ` (${run.code}, exit ${run.exit_code})`}`,
    `  database   ${tameLine(run.database)} at ${tameLine(where)} as ${tameLine(run.role)}`,
    `  project    ${tameLine(run.project)}, ${run.files} files, ${run.parameters} parameters`,
    `  checksum   ${tameLine(run.project_checksum)}`,
    `  started    ${tameLine(run.started_at)} by ${tameLine(run.account)} on ${tameLine(run.machine)}`,
  ];
}

function endLines(run: Output): string[] {
  const place = run.script === null ? undefined : `${run.script}${run.line === null ? "" : ` line ${run.line}`}`;
  const unknown = "unknown: the run was killed or crashed, or its machine stopped";
  const state = run.state ?? (run.result === "ended without a result" ? unknown : undefined);
  return [
    ...(run.duration_ms === null ? [] : [`  took       ${(run.duration_ms / 1000).toFixed(2)} s`]),
    ...(place === undefined ? [] : [`  failed in  ${tameLine(place)}`]),
    ...(state === undefined ? [] : [`  state      ${tameLine(state)}`]),
    ...(run.find_out === null ? [] : [`  find out   ${tameLine(run.find_out)}`]),
    ...(run.warnings.length === 0 ? [] : [`  warnings   ${run.warnings.map(tameLine).join(", ")}`]),
  ];
}

/** 20 characters for the slowest file. */
const BAR = 20;

function fileLines({ file_times: files, left_out: leftOut }: Output, view: View): string[] {
  if (files.length === 0) return [];
  const longest = Math.max(...files.map(({ path }) => tameLine(path).length));
  const slowest = Math.max(...files.map(({ ms }) => ms), 1);
  const sign = view.ascii ? "#" : "█";
  const lines = files.map(({ path, ms }) => {
    const bar = sign.repeat(Math.round((ms / slowest) * BAR));
    return `  ${tameLine(path).padEnd(longest)}  ${ms.toFixed(1).padStart(9)} ms  ${bar}`.trimEnd();
  });
  return ["", ...lines, ...(leftOut > 0 ? [`  ${leftOut} quicker files and tests are not kept`] : [])];
}

function testLines({ tests, test_results: results }: Output): string[] {
  if (tests === null || results.length === 0) return [];
  const failed = results.filter(({ result }) => result === "failed").map(({ path }) => `  FAILED ${tameLine(path)}`);
  const ms = results.reduce((sum, test) => sum + (test.ms ?? 0), 0);
  return ["", `  tests: ${tests.passed} passed, ${tests.failed} failed, ${ms.toFixed(0)} ms`, ...failed];
}
