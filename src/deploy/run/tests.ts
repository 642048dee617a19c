/**
 * A project's tests against a database, of which nothing stays.
 *
 * One transaction, always rolled back, holds everything: the tests alone, which see the database as it is, or, with
 * `withDeploy`, first what deploy.sql does before its first COMMIT. For that the macro calls are left out (the tests
 * run once, by the rules here) and the terminator is not sent; nothing else of the script changes. What PostgreSQL itself
 * does not roll back stays: sequences advance.
 *
 * The deploy lock is held meanwhile, so that no deploy changes the tables under the tests.
 */
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext, ProgressEvent } from "../../base/operation.ts";
import { scrub, scrubDeep } from "../../base/secrets.ts";
import { connectedEvent } from "../../pg/connect/connected.ts";
import { ServerError, type ServerNotice, type Session } from "../../pg/session.ts";
import { maskSql } from "../../pg/sql-text/mask.ts";
import { endsTransaction, preparesTransaction, statementSpans } from "../script/statements.ts";
import { locateFailure } from "../session/markers.ts";
import { prepareSession } from "../session/prepare.ts";
import { CONNECT_GRACE_MS, connect } from "./connect.ts";
import { globToRegExp, MAX_GLOB_LENGTH } from "./glob.ts";
import { abortable, cancellable, runLimit } from "./limit.ts";
import { isServerInternal, NoticeRing, withoutSecrets } from "./notices.ts";
import { checkOffline, type OfflineRun, type RunInput } from "./offline.ts";
import { releaseSession } from "./release.ts";
import { countTests, type DeployReport, type NoticeLine, type TestOutcome, type Warning } from "./report.ts";
import { scriptFailure } from "./script-failure.ts";
import { planScript } from "./script-plan.ts";
import { NOT_CONNECTED } from "./state.ts";
import { readTestPlan, runTestSteps } from "./test-steps.ts";
import { Trace } from "./trace.ts";
import { weighExposures } from "./warnings.ts";

export interface TestInput extends RunInput {
  filter?: string | undefined;
  withDeploy?: boolean | undefined;
}

export interface TestRunResult {
  database: string;
  passed: number;
  failed: number;
  skipped: number;
  duration_ms: number;
  tests: TestOutcome[];
  /** Always a rollback; says so. */
  state: string;
  notices: NoticeLine[];
  warnings: Warning[];
}

/** State after a run that could not tell how each test went. */
const NOTHING_KEPT = "rolled back; tests keep nothing";

/** Runs the tests. Failed tests are in the result; throws when they could not be run. */
export async function runTests(input: TestInput, context: OperationContext): Promise<TestRunResult> {
  const startedMs = context.clock.monotonicMs();
  const pattern = patternOf(input.filter);
  const offline = await checkOffline(input, context);
  const limit = runLimit(context.signal, offline.timeoutMs);
  const run = new TestRun(input, offline, { ...context, signal: limit.signal });
  try {
    return await run.execute(pattern, startedMs);
  } catch (error) {
    const failure = limit.failure();
    if (context.signal.aborted) context.report({ type: "deploy.interrupted" });
    throw failure ? failure.with({ state: run.isConnected ? NOTHING_KEPT : NOT_CONNECTED }) : error;
  } finally {
    await offline.server?.[Symbol.asyncDispose]();
  }
}

/** The report that formats are made from. */
export function reportOfTests(result: TestRunResult): DeployReport {
  const { database, duration_ms, failed, tests, state, notices, warnings } = result;
  const isGreen = failed === 0;
  return {
    status: isGreen ? "success" : "failed",
    exitCode: isGreen ? 0 : 13,
    database,
    durationMs: duration_ms,
    ...(isGreen ? {} : { error: `${failed} of ${tests.length} tests failed`, code: "DEPLOY_TESTS_FAILED" }),
    state,
    tests,
    notices,
    warnings,
  };
}

function patternOf(filter: string | undefined): string | undefined {
  if (filter === undefined) return undefined;
  if (filter !== "" && filter.length <= MAX_GLOB_LENGTH && !filter.includes("\0")) return globToRegExp(filter);
  throw new PgkeepError("CONFIG_VALUE_INVALID", "the filter is empty or too long", {
    hint: "Write a pattern for paths, such as --filter 'orders/**/test_*.sql'.",
    state: "nothing was started",
  });
}

class TestRun {
  readonly #input: TestInput;
  readonly #offline: OfflineRun;
  readonly #context: OperationContext;
  readonly #notices = new NoticeRing();
  readonly #trace: Trace;
  readonly #outcomes: TestOutcome[] = [];
  #warnings: Warning[] = [];
  /** Whether there was a session, so that there may have been something to roll back. */
  isConnected = false;

  constructor(input: TestInput, offline: OfflineRun, context: OperationContext) {
    this.#input = input;
    this.#offline = offline;
    this.#context = context;
    this.#trace = new Trace(() => undefined);
  }

  async execute(pattern: string | undefined, startedMs: number): Promise<TestRunResult> {
    const { connection } = this.#offline;
    const session = await this.#connect();
    try {
      await this.#prepare(session);
      await this.#openTransaction(session);
      await this.#runTests(session, pattern);
    } catch (error) {
      throw error instanceof ServerError ? endedByServer(error) : error;
    } finally {
      await releaseSession(session, { isPrepared: false, isSuccess: false });
    }
    const counts = countTests(this.#outcomes);
    return {
      database: connection.database,
      ...counts,
      duration_ms: Math.round(this.#context.clock.monotonicMs() - startedMs),
      tests: this.#outcomes,
      state: `rolled back; database "${connection.database}" is as before this run`,
      notices: this.#notices.lines(),
      warnings: this.#warnings,
    };
  }

  async #connect(): Promise<Session> {
    const { signal } = this.#context;
    const options = {
      connection: this.#offline.connection,
      context: this.#context,
      signal,
      onNotice: (notice: ServerNotice) => this.#take(notice),
    };
    const { database } = this.#offline.connection;
    try {
      const session = await abortable(connect(options, database), {
        signal,
        graceMs: CONNECT_GRACE_MS,
        discard: (late) => late.close(),
      });
      this.isConnected = true;
      this.#say(connectedEvent(session));
      return session;
    } catch (error) {
      throw error instanceof PgkeepError ? error.with({ state: NOT_CONNECTED }) : error;
    }
  }

  async #prepare(session: Session): Promise<void> {
    const { project, parameters, verbose } = this.#offline;
    this.#say({ type: "deploy.preparing" });
    const work = prepareSession(session, { project, parameters, macros: [], verbose, instrument: true });
    const { facts } = await this.#wait(session, work);
    this.#say({ type: "deploy.files_loaded", count: project.files.length });
    if (parameters.length > 0) this.#say({ type: "deploy.parameters_loaded", count: parameters.length });
    this.#warnings = await weighExposures(this.#offline, { facts, session, context: this.#context });
  }

  /** BEGIN, and the head of deploy.sql when it was asked for. */
  async #openTransaction(session: Session): Promise<void> {
    await this.#wait(session, session.script("BEGIN"));
    if (!this.#input.withDeploy) return;
    const { project, macros } = this.#offline;
    const script = headWithoutTerminator(project.deployScript);
    if (preparesTransaction(script)) throw notHeld();
    this.#say({ type: "deploy.executing" });
    const kept = macros.filter(({ end }) => end <= script.length);
    const plan = planScript({
      script,
      macros: kept,
      expansions: kept.map(() => ""),
      files: project.files,
      announces: false,
    });
    const [head] = plan.units;
    if (!head) return;
    try {
      await this.#wait(session, session.script(head.sql()));
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      const failure = await scriptFailure({
        session,
        plan,
        project,
        trace: this.#trace,
        input: this.#input,
        error,
        unit: 1,
      });
      throw failure.with({ state: NOTHING_KEPT });
    }
  }

  async #runTests(session: Session, pattern: string | undefined): Promise<void> {
    const steps = await this.#wait(session, readTestPlan(session, pattern));
    if (steps.length === 0) throw noTests(this.#input.filter !== undefined);
    this.#say({ type: "deploy.tests_found", count: steps.filter(({ type }) => type === "test").length });
    await runTestSteps({
      session,
      steps,
      signal: this.#context.signal,
      onAbort: () => undefined,
      onOutcome: (outcome) => this.#add(outcome),
      lastMs: (path) => this.#trace.tests.findLast((test) => test.path === path)?.ms,
      lineOf: async (path, error) => {
        const place = await locateFailure(error, { session, project: this.#offline.project, log: this.#trace.log });
        return place?.file === path ? place.line : undefined;
      },
    });
  }

  #add(outcome: TestOutcome): void {
    this.#outcomes.push(outcome);
    this.#say({ type: "deploy.test_done", ...outcome });
  }

  /** Waits for the server; a fired signal cancels there, and rejects. */
  async #wait<T>(session: Session, work: Promise<T>): Promise<T> {
    const { signal } = this.#context;
    const settled = await cancellable({ session, signal, onAbort: () => undefined }, work);
    signal.throwIfAborted();
    if (settled.outcome === "done") return settled.value;
    if (settled.outcome === "failed") throw settled.error;
    throw new PgkeepError("CONNECT_LOST", "the server does not answer any more");
  }

  #take(notice: ServerNotice): void {
    if (this.#trace.take(notice) || isServerInternal(notice)) return;
    // A head that begins its transaction itself is told that there is one already: that one is ours.
    if (notice.code === "25001" && this.#input.withDeploy) return;
    const shown = withoutSecrets(notice);
    this.#notices.add(shown);
    this.#say({ type: "deploy.notice", ...shown });
  }

  #say(event: ProgressEvent): void {
    this.#context.report(event);
  }
}

/** What no test can answer for: the session was ended, or the server refused what stands around the tests. */
function endedByServer({ severity, message, sqlstate, detail, hint, where }: ServerError): PgkeepError {
  const parts = { sqlstate, detail, hint, where, state: NOTHING_KEPT };
  return new PgkeepError(
    "DEPLOY_SQL_FAILED",
    scrub(`execution failed: ${severity}: ${message} (SQLSTATE ${sqlstate})`),
    {
      ...scrubDeep(parts),
    },
  );
}

/** The script up to, and without, its first statement that ends a transaction. */
export function headWithoutTerminator(script: string): string {
  const mask = maskSql(script);
  const terminator = statementSpans(script, mask).find((span) => endsTransaction(mask, span));
  return terminator ? script.slice(0, terminator.start) : script;
}

function notHeld(): PgkeepError {
  return new PgkeepError("DEPLOY_TESTS_FAILED", "deploy.sql prepares a transaction, so its tests would leave traces", {
    detail:
      "PREPARE TRANSACTION takes the changes out of the session, where they cannot be rolled back with the tests.",
    hint: "Commit in deploy.sql with COMMIT, or test the database as it is: leave out --with-deploy.",
    state: NOTHING_KEPT,
  });
}

function noTests(isFiltered: boolean): PgkeepError {
  return new PgkeepError(
    "DEPLOY_TESTS_FAILED",
    isFiltered ? "no test's path matches the filter" : "the project has no tests",
    {
      hint: isFiltered
        ? "* stays within a name, ** crosses directories; pgkeep plan lists the paths."
        : "Put tests into a __test__ directory.",
      state: NOTHING_KEPT,
    },
  );
}
