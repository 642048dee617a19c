/**
 * Reads the records of runs.
 *
 * A file that is damaged, or was made by a later version, is counted and passed over: one of them must not hide the
 * others. A record without an end is a run that still runs, when its process does, and otherwise one that was killed.
 */
import type { z as Zod } from "zod";
import { PgkeepError } from "../../base/errors.ts";
import type { ZodNamespace } from "../../base/operation.ts";
import { readRegularFile } from "../../config/regular-file.ts";
import { newestFirst } from "../../config/state-directory.ts";
import { isAlive, isStillRunning } from "../../pg/embedded/process-identity.ts";
import { literal } from "../../pg/identifiers.ts";
import { fileOfRun, idOfFile, runsDirectory } from "./place.ts";
import type { EndedLine, StartedLine } from "./record.ts";

/** 2 MiB: several times what a record can have. */
const MAX_RECORD_BYTES = 2 << 20;

/** "ended without a result": killed or crashed; nobody can say what state the database is in. */
export type RunResult = "success" | "failed" | "running" | "ended without a result";

export interface RunRecord {
  started: StartedLine;
  ended: EndedLine | undefined;
  result: RunResult;
}

export interface RunList {
  /** Newest first. */
  runs: RunRecord[];
  /** Records in all, of which `runs` are the newest. */
  total: number;
  unreadable: number;
}

/** The newest records. `machine` is this machine's name, which says whose process numbers can be looked up. */
export async function listRuns(
  environment: Readonly<Record<string, string | undefined>>,
  { limit, machine }: { limit: number; machine: string },
): Promise<RunList> {
  const directory = runsDirectory(environment);
  const ids = directory === undefined ? [] : await newestFirst(directory, idOfFile);
  const runs: RunRecord[] = [];
  let unreadable = 0;
  for (const id of ids.slice(0, limit)) {
    const run = await readRun(directory ?? "", id, machine);
    if (run) runs.push(run);
    else unreadable++;
  }
  return { runs, total: ids.length, unreadable };
}

/** One run by its id, by the beginning of it, or "last". Throws USAGE_UNKNOWN_NAME. */
export async function findRun(
  environment: Readonly<Record<string, string | undefined>>,
  { wanted, machine }: { wanted: string; machine: string },
): Promise<RunRecord> {
  const directory = runsDirectory(environment);
  const ids = directory === undefined ? [] : await newestFirst(directory, idOfFile);
  const matching = wanted === "last" ? ids.slice(0, 1) : ids.filter((id) => id.startsWith(wanted));
  const [id] = matching;
  if (id === undefined || matching.length > 1) {
    const what = matching.length > 1 ? `${matching.length} runs begin so` : "there is no record of such a run";
    throw new PgkeepError("USAGE_UNKNOWN_NAME", what, { hint: "See their ids: pgkeep runs list" });
  }
  const run = await readRun(directory ?? "", id, machine);
  if (run) return run;
  throw new PgkeepError("USAGE_UNKNOWN_NAME", `the record of run ${id} cannot be read`, {
    detail: "It is damaged, or a later version wrote it.",
    hint: "See the others: pgkeep runs list",
  });
}

async function readRun(directory: string, id: string, machine: string): Promise<RunRecord | undefined> {
  const { startedSchema, endedSchema } = await schemas();
  try {
    const bytes = await readRegularFile(fileOfRun(directory, id), { maxBytes: MAX_RECORD_BYTES });
    const [first = "", second = ""] = bytes.toString("utf8").split("\n");
    const started = startedSchema.parse(JSON.parse(first));
    const ended = second === "" ? undefined : endedSchema.parse(JSON.parse(second));
    const result = ended?.result ?? ((await isRunning(started, machine)) ? "running" : "ended without a result");
    return { started, ended, result };
  } catch {
    return undefined;
  }
}

async function isRunning({ pid, process, machine: where }: StartedLine, machine: string): Promise<boolean> {
  if (where !== machine) return false;
  return process === null ? isAlive(pid) : await isStillRunning({ pid, started: process });
}

/** How to find out what a run did that ended without a result. */
export function howToFindOut({ database, application_name, at }: StartedLine): string {
  return (
    `Ask database "${database}" whether anything of it still runs: ` +
    `select pid, state, backend_start from pg_stat_activity where application_name = ${literal(application_name)} ` +
    `and datname = ${literal(database)}; then look for the project's changes, and in the server's log after ${at}.`
  );
}

/** Lenient about keys that a later version adds, strict about those that are used. */
async function schemas(): Promise<{ startedSchema: Zod.ZodType<StartedLine>; endedSchema: Zod.ZodType<EndedLine> }> {
  const { z } = await import("zod");
  return { startedSchema: startedShape(z), endedSchema: endedShape(z) };
}

function startedShape(z: ZodNamespace): Zod.ZodType<StartedLine> {
  const text = z.string();
  const count = z.number();
  return z.object({
    record: z.literal("started"),
    format: z.literal(1),
    id: text,
    at: text,
    account: text,
    machine: text,
    pid: count,
    process: text.nullable(),
    project: text,
    project_checksum: text,
    files: count,
    parameters: count,
    overwrite: z.boolean(),
    servers: z.array(text),
    database: text,
    role: text,
    application_name: text,
  });
}

function endedShape(z: ZodNamespace): Zod.ZodType<EndedLine> {
  const text = z.string();
  const count = z.number();
  const testResult = z.enum(["passed", "failed", "skipped"]);
  return z.object({
    record: z.literal("ended"),
    at: text,
    result: z.enum(["success", "failed"]),
    exit_code: count,
    code: text.nullable(),
    sqlstate: text.nullable(),
    script: text.nullable(),
    line: count.nullable(),
    state: text.nullable(),
    duration_ms: count.nullable(),
    units: count.nullable(),
    units_committed: count.nullable(),
    server: z.object({ host: text, port: count, version: count }).nullable(),
    tests: z.object({ passed: count, failed: count, skipped: count }),
    warnings: z.array(text),
    file_times: z.array(z.object({ path: text, ms: count, checksum: text.nullable() })),
    test_results: z.array(z.object({ path: text, result: testResult, ms: count.nullable() })),
    left_out: count,
  });
}
