/**
 * Runs the steps of a test plan so that every test is tried, whatever the ones before it did.
 *
 * The steps go to the server in one message, as many as go well. The first that fails ends the message; it is noted, the
 * transaction returns to the savepoint before it, and the remaining steps follow in a new message. So a green run is
 * one message, and each failure costs one more.
 *
 * Directories nest as in a deploy: a directory's savepoint, its fixtures, a savepoint before its first test, each test
 * rolled back to that one. When a fixture fails its directory's tests and all below have nothing to stand on: they
 * are skipped, with the fixture as the reason.
 */

import { redactCredentials } from "../../base/credentials.ts";
import { PgkeepError } from "../../base/errors.ts";
import { literal } from "../../pg/identifiers.ts";
import { ServerError, type Session } from "../../pg/session.ts";
import { cancellable } from "./limit.ts";
import { type TestOutcome, testName } from "./report.ts";
import { withoutAttribution } from "./script-failure.ts";

export interface PlanStep {
  type: "fixture" | "test" | "teardown";
  /** Empty for a teardown. */
  path: string;
  directory: string;
}

/** The plan of the tests whose path matches `pattern`, in order. */
export async function readTestPlan(session: Session, pattern: string | undefined): Promise<PlanStep[]> {
  const argument = pattern === undefined ? "null" : literal(pattern);
  const [result] = await session.exchange(
    `select p.step_type as type, p.script_path as path, p.directory as directory from pg_temp.pgmi_test_plan(${argument}) as p`,
  );
  return (result?.rows ?? []).flatMap(({ type, path, directory }) =>
    type === "fixture" || type === "test" || type === "teardown"
      ? [{ type, path: path ?? "", directory: directory ?? "" }]
      : [],
  );
}

export interface StepRun {
  session: Session;
  steps: readonly PlanStep[];
  signal: AbortSignal;
  onAbort: () => void;
  onOutcome: (outcome: TestOutcome) => void;
  /** Duration of the test that ended last, by the server's clock. */
  lastMs: (path: string) => number | undefined;
  /** Line of the test file that the error comes from, when it is known. */
  lineOf: (path: string, error: ServerError) => Promise<number | undefined>;
}

/** Runs all steps inside the open transaction. Throws what is not a step's own failure: a lost connection, an abort. */
export async function runTestSteps(run: StepRun): Promise<void> {
  let plan = commandsOf(run.steps);
  let recovery = "";
  while (plan.length > 0) {
    const failed = await runUntilFailure(run, plan, recovery);
    if (failed === undefined) return;
    const command = plan[failed];
    if (!command) return;
    const { step } = command;
    recovery = `ROLLBACK TO SAVEPOINT ${command.savepoint};\n`;
    const rest = plan.slice(failed + 1);
    plan = step.type === "fixture" ? skipBelow(run, step, rest) : rest;
  }
  if (recovery !== "") await run.session.script(recovery);
}

interface Command {
  step: PlanStep;
  /** Statements of the step. */
  sql: string;
  /** Statements in `sql`. */
  statements: number;
  /** Where to return to when the step fails. */
  savepoint: string;
}

/** The statements of each step. Savepoints are numbered by directory, so nothing foreign is part of a name. */
function commandsOf(steps: readonly PlanStep[]): Command[] {
  const names = new Map<string, string>();
  const commands: Command[] = [];
  const tested = new Set<string>();
  for (const step of steps) {
    const number = names.get(step.directory) ?? String(names.size + 1);
    const isNew = !names.has(step.directory);
    names.set(step.directory, number);
    const [directory, before] = [`_pgkeep_d${number}`, `_pgkeep_t${number}`];
    const lines = isNew ? [`SAVEPOINT ${directory};`] : [];
    if (step.type === "test" && !tested.has(step.directory)) lines.push(`SAVEPOINT ${before};`);
    if (step.type === "test") tested.add(step.directory);
    if (step.type === "teardown") lines.push(`ROLLBACK TO SAVEPOINT ${directory};`, `RELEASE SAVEPOINT ${directory};`);
    else lines.push(`SELECT pg_temp.pgmi_run_test_source(${literal(step.path)});`);
    if (step.type === "test") lines.push(`ROLLBACK TO SAVEPOINT ${before};`);
    const savepoint = step.type === "test" ? before : directory;
    commands.push({ step, sql: `${lines.join("\n")}\n`, statements: lines.length, savepoint });
  }
  return commands;
}

/** Index of the command that failed; undefined when all went well. */
async function runUntilFailure(run: StepRun, plan: readonly Command[], recovery: string): Promise<number | undefined> {
  const { session, signal, onAbort } = run;
  const counter = new StepCounter(plan, recovery === "" ? 0 : 1, (step) => passed(run, step));
  const work = session.script(recovery + plan.map(({ sql }) => sql).join(""), { onStatement: () => counter.next() });
  const settled = await cancellable({ session, signal, onAbort }, work);
  signal.throwIfAborted();
  if (settled.outcome === "done") return undefined;
  const error =
    settled.outcome === "failed"
      ? settled.error
      : new PgkeepError("CONNECT_LOST", "the server does not answer any more");
  if (!(error instanceof ServerError) || /^(?:FATAL|PANIC)$/.test(error.severity)) throw error;
  const step = plan[counter.current]?.step;
  if (!step || step.type === "teardown") throw error;
  run.onOutcome(await failedOutcome(run, step, error));
  return counter.current;
}

/** Follows the statements that complete, to know which step is running. */
class StepCounter {
  /** Index of the step that runs. */
  current = 0;
  readonly #plan: readonly Command[];
  readonly #onStep: (step: PlanStep) => void;
  #left: number;

  constructor(plan: readonly Command[], before: number, onStep: (step: PlanStep) => void) {
    this.#plan = plan;
    this.#onStep = onStep;
    this.#left = before + (plan[0]?.statements ?? 0);
  }

  next(): void {
    if (--this.#left > 0) return;
    const done = this.#plan[this.current];
    if (done) this.#onStep(done.step);
    this.current++;
    this.#left = this.#plan[this.current]?.statements ?? 0;
  }
}

function passed(run: StepRun, step: PlanStep): void {
  if (step.type !== "test") return;
  run.onOutcome({ path: step.path, name: testName(step.path), result: "passed", ...duration(run, step) });
}

async function failedOutcome(run: StepRun, step: PlanStep, error: ServerError): Promise<TestOutcome> {
  const message = redactCredentials(`${withoutAttribution(error.message, step.path)} (SQLSTATE ${error.sqlstate})`);
  const line = await run.lineOf(step.path, error);
  const name = step.type === "fixture" ? `${testName(step.path)} (fixture)` : testName(step.path);
  return {
    path: step.path,
    name,
    result: "failed",
    ...duration(run, step),
    message,
    ...(line === undefined ? {} : { line }),
  };
}

function duration({ lastMs }: StepRun, { path }: PlanStep): { ms?: number } {
  const ms = lastMs(path);
  return ms === undefined ? {} : { ms };
}

/** Reports the tests that a failed fixture leaves without ground, and returns what can still run. */
function skipBelow(run: StepRun, fixture: PlanStep, rest: readonly Command[]): Command[] {
  const isBelow = ({ step }: Command): boolean => step.directory.startsWith(fixture.directory);
  const ownTeardown = rest.findIndex(({ step }) => step.type === "teardown" && step.directory === fixture.directory);
  const subtree = rest.slice(0, ownTeardown).filter(isBelow);
  for (const { step } of subtree) {
    if (step.type !== "test") continue;
    run.onOutcome({
      path: step.path,
      name: testName(step.path),
      result: "skipped",
      message: `fixture ${fixture.path} failed`,
    });
  }
  return rest.slice(ownTeardown);
}
