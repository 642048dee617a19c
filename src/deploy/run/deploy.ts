/**
 * One deploy, from input to result.
 *
 *   offline checks -> database there -> session prepared -> exposures weighed -> script executed -> released
 *
 * Each arrow is a place where the run can end: by a refusal, by the server, by the clock or by a person. Wherever it
 * ends, the result says what the database is like, and the session's lock and transaction are given back. After
 * authentication a deploy costs a fixed number of round trips, however many files it has; each statement after the
 * head costs one more, because it is a message of its own.
 */
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext, ProgressEvent } from "../../base/operation.ts";
import { connectedEvent } from "../../pg/connect/connected.ts";
import type { ServerNotice, Session } from "../../pg/session.ts";
import { type Prepared, prepareSession } from "../session/prepare.ts";
import { OWN_TABLE, PREPARED_IN } from "../session/queries.ts";
import type { CommitGate } from "./commit-gate.ts";
import { CommitLedger } from "./commit-ledger.ts";
import { CONNECT_GRACE_MS, type Connected, type ConnectOptions, connectToTarget, recreateTarget } from "./connect.ts";
import { EarlySession } from "./early-session.ts";
import { executeUnits, mayAnnounce } from "./execute.ts";
import { DeployFailure } from "./failure.ts";
import { abortable, cancellable, type RunLimit, runLimit } from "./limit.ts";
import { isServerInternal, NoticeRing, withoutSecrets } from "./notices.ts";
import { checkOffline, type OfflineRun, type RunInput } from "./offline.ts";
import { releaseSession } from "./release.ts";
import { type DeployReport, known, type Warning } from "./report.ts";
import { planScript, type ScriptPlan } from "./script-plan.ts";
import { afterSuccess, NOT_CONNECTED, nothingStarted } from "./state.ts";
import { Trace } from "./trace.ts";
import { judgeEnding, judgeTail, type SentRun, withState } from "./verdict.ts";
import { LOCK_LOST, reportWarnings, weighExposures } from "./warnings.ts";

export interface DeployInput extends RunInput {
  overwrite?: boolean | undefined;
  force?: boolean | undefined;
}

/** Keeps what is to be known of a run later. Its methods never throw. */
export interface RunJournal {
  /** Before a database is made, dropped, or gets anything of the project. */
  begin(offline: OfflineRun, overwrite: boolean): void;
  /** After the run; not called when the program crashed. `server`: the one that was reached. */
  end(report: DeployReport, offline: OfflineRun, server: ReachedServer | null): void;
}

export interface ReachedServer {
  host: string;
  port: number;
  version: number;
}

/** What goes along with a run and is not part of it. */
export interface DeployCompanions {
  journal?: RunJournal | undefined;
  /** Asked before the head of the script is committed. */
  gate?: CommitGate | undefined;
}

/** Runs a project. Throws DeployFailure, which carries the report, for everything that goes wrong. */
export async function runDeploy(
  input: DeployInput,
  context: OperationContext,
  { journal, gate }: DeployCompanions = {},
): Promise<DeployReport> {
  const run = new DeployRun(input, context, { journal, gate });
  try {
    const report = await run.execute();
    run.close(report);
    return report;
  } catch (error) {
    const failure = run.failure(error);
    if (failure instanceof DeployFailure) run.close(failure.report);
    throw failure;
  }
}

/** A run with a session on its database. */
type ReachedTarget = Pick<SentRun, "offline" | "limit" | "session" | "origin">;

class DeployRun {
  readonly #input: DeployInput;
  readonly #context: OperationContext;
  readonly #startedMs: number;
  readonly #notices = new NoticeRing();
  readonly #ledger = new CommitLedger();
  readonly #trace: Trace;
  #database: string | undefined;
  #filesLoaded: number | undefined;
  #plan: ScriptPlan | undefined;
  #warnings: Warning[] = [];
  #isReleased = false;
  readonly #journal: RunJournal | undefined;
  readonly #gate: CommitGate | undefined;
  /** Set once the journal has begun. */
  #recorded: OfflineRun | undefined;
  #server: ReachedServer | null = null;
  #early: EarlySession | undefined;
  /** undefined: the project may drop it. */
  #ownTable: string | undefined;

  constructor(input: DeployInput, context: OperationContext, { journal, gate }: DeployCompanions) {
    this.#input = input;
    this.#journal = journal;
    this.#gate = gate;
    this.#context = context;
    this.#startedMs = context.clock.monotonicMs();
    this.#trace = new Trace((event) => context.report(event));
  }

  async execute(): Promise<DeployReport> {
    const offline = await this.#checkOffline();
    this.#database = offline.connection.database;
    const limit = runLimit(this.#context.signal, offline.timeoutMs);
    try {
      return await this.#online(offline, limit);
    } catch (error) {
      throw limitFailure(error, limit) ?? error;
    } finally {
      await this.#early?.discard();
      await offline.server?.[Symbol.asyncDispose]();
    }
  }

  async #checkOffline(): Promise<OfflineRun> {
    try {
      return await checkOffline(this.#input, this.#context, (connection) => {
        if (!this.#input.overwrite) this.#early = new EarlySession(connection, this.#context);
      });
    } catch (error) {
      await this.#early?.discard();
      if (!this.#context.signal.aborted) throw error;
      this.#sayInterrupted();
      throw new PgkeepError("DEPLOY_INTERRUPTED", "interrupted", { state: "nothing was started" });
    }
  }

  /** Ends the journal's record, when one was begun. */
  close(report: DeployReport): void {
    if (this.#recorded) this.#journal?.end(report, this.#recorded, this.#server);
  }

  /** `error` as a failure with the report of this run. Crashes of our own pass unchanged. */
  failure(error: unknown): unknown {
    if (!(error instanceof PgkeepError) || error instanceof DeployFailure) return error;
    const { parts } = error;
    const report: DeployReport = {
      ...this.#report(),
      status: "failed",
      exitCode: error.exit,
      error: error.message,
      code: error.code,
      ...known({
        sqlstate: parts.sqlstate,
        detail: parts.detail || undefined,
        hint: parts.hint || undefined,
        where: parts.where || undefined,
        state: parts.state,
        script: parts.line === undefined ? undefined : parts.file,
        line: parts.line,
        column: parts.column,
        sourceLine: parts.sourceLine,
      }),
      ...error.parts.data,
    };
    return new DeployFailure(error, report);
  }

  async #online(offline: OfflineRun, limit: RunLimit): Promise<DeployReport> {
    const { context, onNotice } = { context: this.#context, onNotice: (notice: ServerNotice) => this.#take(notice) };
    const options = { connection: offline.connection, context, signal: limit.signal, onNotice };
    this.#sayConnection(offline);
    this.#beginRecord(offline);
    const { session, origin } = await this.#connect(options);
    const { host, port } = session.target;
    this.#server = { host, port, version: session.serverVersion };
    this.#say(connectedEvent(session));
    try {
      return await this.#onSession({ offline, limit, session, origin });
    } finally {
      await this.#release(session, false);
    }
  }

  /** Before the target is connected to in earnest, because that can already make or replace the database. */
  #beginRecord(offline: OfflineRun): void {
    if (!this.#journal || !offline.recordsRuns) return;
    this.#recorded = offline;
    this.#journal.begin(offline, this.#input.overwrite ?? false);
  }

  /** Says at once that an interrupt was heard; it can take a moment until what is under way has ended. */
  async #connect(options: ConnectOptions): Promise<Connected> {
    const { signal } = options;
    const onAbort = (): void => this.#sayInterrupted();
    signal.addEventListener("abort", onAbort, { once: true });
    const early = this.#early;
    const work = this.#input.overwrite
      ? recreateTarget(options, this.#input.force ?? false)
      : connectToTarget(options, early && (() => early.take(options)));
    try {
      return await abortable(work, {
        signal,
        graceMs: CONNECT_GRACE_MS,
        discard: ({ session }) => session.close(),
      });
    } catch (error) {
      // The reason of the signal is whatever its owner says; ours is made where the limit is known.
      if (error === signal.reason || !(error instanceof PgkeepError)) throw error;
      throw error.with({ state: NOT_CONNECTED });
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #onSession(reached: ReachedTarget): Promise<DeployReport> {
    const { offline, limit, session } = reached;
    const announces = mayAnnounce(offline.project);
    const plan = await this.#planned(reached, announces);
    this.#plan = plan;
    this.#say({ type: "deploy.executing" });
    const ending = await executeUnits({
      session,
      units: plan.units,
      announces,
      ledger: this.#ledger,
      signal: limit.signal,
      onAbort: () => this.#sayInterrupted(),
      onUnitDone: () => this.#trace.settleTransaction(),
      gate: this.#gate,
    });
    const run = this.#sent({ ...reached, plan });
    await judgeEnding(ending, run);
    if (this.#gate) await judgeTail(run, this.#gate);
    await this.#release(session, true);
    this.#sayTests();
    return { ...this.#report(), status: "success", exitCode: 0, state: afterSuccess(this.#ledger) };
  }

  /** Prepares the session and the script. Whatever fails here leaves the database as `state` says: nothing of it ran. */
  async #planned({ offline, limit, session, origin }: ReachedTarget, announces: boolean): Promise<ScriptPlan> {
    try {
      limit.signal.throwIfAborted();
      this.#trace.expectFiles(offline.project.files);
      const { facts, expansions } = await this.#prepare(offline, limit, session);
      this.#warnings = await weighExposures(offline, { facts, session, context: this.#context });
      this.#trace.settleTransaction(facts.get(PREPARED_IN));
      this.#ownTable = announces ? facts.get(OWN_TABLE) : undefined;
      limit.signal.throwIfAborted();
      return planScript({
        script: offline.project.deployScript,
        macros: offline.macros,
        expansions: expansions.map(({ text }) => text),
        files: offline.project.files,
        announces,
      });
    } catch (error) {
      const failure = limitFailure(error, limit) ?? error;
      const state = nothingStarted(offline.connection.database, origin);
      throw failure instanceof PgkeepError ? withState(failure, state) : failure;
    }
  }

  #sent(parts: ReachedTarget & Pick<SentRun, "plan">): SentRun {
    return {
      ...parts,
      input: this.#input,
      context: this.#context,
      ledger: this.#ledger,
      trace: this.#trace,
      ownTable: this.#ownTable,
    };
  }

  /** Once, and before the report is made, because the server's last words about durations come with it. */
  async #release(session: Session, isSuccess: boolean): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    const isPrepared = this.#filesLoaded !== undefined;
    const hadLock = await releaseSession(session, { isPrepared, isSuccess });
    if (isPrepared && hadLock === false) {
      this.#warnings = [...this.#warnings, LOCK_LOST];
      reportWarnings([LOCK_LOST], this.#context);
    }
    this.#say({ type: "deploy.released", round_trips: session.roundTrips });
  }

  async #prepare(offline: OfflineRun, limit: RunLimit, session: Session): Promise<Prepared> {
    const { project, parameters, macros, verbose } = offline;
    this.#say({ type: "deploy.preparing" });
    const work = prepareSession(session, {
      project,
      parameters,
      macros,
      verbose,
      instrument: true,
      definitions: this.#early?.definitions,
    });
    const onAbort = (): void => this.#sayInterrupted();
    const settled = await cancellable({ session, signal: limit.signal, onAbort }, work);
    limit.signal.throwIfAborted();
    if (settled.outcome === "lost") throw new PgkeepError("CONNECT_LOST", "the server does not answer any more");
    if (settled.outcome === "failed") throw settled.error;
    this.#filesLoaded = project.files.length;
    this.#say({ type: "deploy.files_loaded", count: project.files.length });
    if (parameters.length > 0) this.#say({ type: "deploy.parameters_loaded", count: parameters.length });
    return settled.value;
  }

  #take(notice: ServerNotice): void {
    if (this.#trace.take(notice) || isServerInternal(notice)) return;
    const shown = withoutSecrets(notice);
    this.#notices.add(shown);
    const { severity, message, detail, hint } = shown;
    this.#say({ type: "deploy.notice", severity, message, ...known({ detail, hint }) });
  }

  #report(): DeployReport {
    const started = this.#filesLoaded !== undefined;
    const { files, tests } = this.#trace;
    return {
      status: "failed",
      exitCode: 1,
      ...known({
        database: this.#database,
        filesLoaded: this.#filesLoaded,
        testMacros: started ? (this.#plan?.testMacros ?? 0) : undefined,
        durationMs: started ? this.#elapsedMs() : undefined,
        executionUnits: this.#plan?.units.length,
        unitsCommitted: this.#plan && this.#ledger.durable,
        unitsCompleted: this.#plan && this.#ledger.completed,
        files: this.#plan && files,
        tests: this.#plan && tests,
        notices: this.#plan && this.#notices.lines(),
        noticesTruncated: this.#notices.truncated || undefined,
        warnings: started ? this.#warnings : undefined,
      }),
    };
  }

  #elapsedMs(): number {
    return Math.round(this.#context.clock.monotonicMs() - this.#startedMs);
  }

  #say(event: ProgressEvent): void {
    this.#context.report(event);
  }

  #sayInterrupted(): void {
    if (this.#context.signal.aborted) this.#say({ type: "deploy.interrupted" });
  }

  /** Where we are going, without anything secret. */
  #sayConnection({ connection: { settings, database, maintenanceDatabase }, project }: OfflineRun): void {
    const hosts = settings.hosts.map(({ host, port }) => `${host}:${port}`).join(", ");
    const lines = [
      `Project: ${project.root}`,
      `Connection: ${hosts}, database "${database}", role "${settings.user}", sslmode ${settings.sslMode}`,
      `Maintenance database: "${maintenanceDatabase}"`,
    ];
    for (const message of lines) this.#say({ type: "deploy.verbose", message });
  }

  #sayTests(): void {
    const { tests } = this.#trace;
    if (tests.length === 0) return;
    const count = (result: string): number => tests.filter((test) => test.result === result).length;
    const ms = tests.reduce((sum, test) => sum + (test.ms ?? 0), 0);
    this.#say({ type: "deploy.tests_done", passed: count("passed"), failed: count("failed"), ms });
  }
}

/** What the limit stands for, when `error` is what became of a wait that it ended. */
function limitFailure(error: unknown, limit: RunLimit): PgkeepError | undefined {
  const failure = limit.failure();
  if (!failure || error instanceof DeployFailure) return undefined;
  const isOurs = error instanceof PgkeepError && error !== limit.signal.reason;
  const state = isOurs ? error.parts.state : undefined;
  return failure.with({ state: state ?? NOT_CONNECTED });
}
