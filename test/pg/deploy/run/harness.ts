/** Projects written on the fly and deployed to a test cluster, with everything the run said. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "../../../../src/base/clock.ts";
import { PgkeepError } from "../../../../src/base/errors.ts";
import type { OperationContext, ProgressEvent, Prompter } from "../../../../src/base/operation.ts";
import type { CommitGate } from "../../../../src/deploy/run/commit-gate.ts";
import { type DeployInput, runDeploy } from "../../../../src/deploy/run/deploy.ts";
import { DeployFailure } from "../../../../src/deploy/run/failure.ts";
import type { DeployReport } from "../../../../src/deploy/run/report.ts";
import { runTests, type TestInput, type TestRunResult } from "../../../../src/deploy/run/tests.ts";
import type { TestCluster } from "../../../support/cluster.ts";

export type Files = Readonly<Record<string, string | Buffer>>;

/** A project directory of its own; gone with `await using`. */
export async function projectOf(files: Files): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "pgkeep-project-"));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export interface RunOutcome {
  /** Of a success as of a failure. */
  report: DeployReport;
  error: PgkeepError | undefined;
  events: ProgressEvent[];
  /** Messages of the notices. */
  notices: string[];
}

export interface RunOptions extends Partial<DeployInput> {
  signal?: AbortSignal;
  environment?: Record<string, string>;
  /** Called with each event as it happens. */
  onEvent?: (event: ProgressEvent) => void;
  user?: string;
  password?: string;
  prompt?: Prompter;
  gate?: CommitGate;
}

/** Deploys `files` to `database` of `cluster`. Never rejects for a failure of the run. */
export async function deploy(
  cluster: TestCluster,
  database: string,
  files: Files | string,
  { gate, ...options }: RunOptions = {},
): Promise<RunOutcome> {
  await using project = typeof files === "string" ? undefined : await projectOf(files);
  const path = typeof files === "string" ? files : (project?.path ?? "");
  const { input, context, events } = request(cluster, database, path, options);
  const outcome = (report: DeployReport, error?: PgkeepError): RunOutcome => ({
    report,
    error,
    events,
    notices: events.filter(({ type }) => type === "deploy.notice").map(({ message }) => String(message)),
  });
  try {
    return outcome(await runDeploy(input, context, { gate }));
  } catch (error) {
    if (error instanceof DeployFailure) return outcome(error.report, error);
    throw error;
  }
}

/** Runs the tests of `files` against `database`. */
export async function test(
  cluster: TestCluster,
  database: string,
  files: Files,
  options: RunOptions & Partial<TestInput> = {},
): Promise<{ result: TestRunResult | undefined; error: PgkeepError | undefined; events: ProgressEvent[] }> {
  await using project = await projectOf(files);
  const { input, context, events } = request(cluster, database, project.path, options);
  try {
    return { result: await runTests(input, context), error: undefined, events };
  } catch (error) {
    if (error instanceof PgkeepError) return { result: undefined, error, events };
    throw error;
  }
}

function request(cluster: TestCluster, database: string, path: string, options: RunOptions) {
  const {
    signal = new AbortController().signal,
    environment = {},
    onEvent,
    user,
    password,
    prompt,
    ...input
  } = options;
  const events: ProgressEvent[] = [];
  const context: OperationContext = {
    environment: { HOME: "/nonexistent", PGPASSWORD: password ?? cluster.password, ...environment },
    workingDirectory: tmpdir(),
    clock: systemClock,
    signal,
    prompt,
    report: (event) => {
      events.push(event);
      onEvent?.(event);
    },
  };
  const target = { host: cluster.host, port: cluster.port, username: user ?? "postgres", database, sslmode: "disable" };
  return { input: { path, ...target, ...input }, context, events };
}

/** One value of one row. */
export async function value(cluster: TestCluster, database: string, text: string): Promise<unknown> {
  const [row] = await cluster.sql(text, { database });
  return row === undefined ? undefined : Object.values(row)[0];
}
