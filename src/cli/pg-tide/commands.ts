/**
 * What each command of pg_tide's command line does, by our operations, in the shape that its users' scripts read.
 */
import { resolve } from "node:path";
import type { OperationContext } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import { literal } from "../../pg/identifiers.ts";
import type { Session } from "../../pg/session.ts";
import { jsonText } from "../output.ts";
import { asyncapiExport, asyncapiValidate } from "./asyncapi.ts";
import { type TideCall, TideUsageError } from "./grammar.ts";
import { backfillCreate, backfillMove, backfillStatus, templateList, templateValidate } from "./jobs.ts";
import { parseToml, requireUrl, sslmodeOf, type TideSettings } from "./settings.ts";
import {
  type Answer,
  type Command,
  failed,
  jsonRows,
  lines,
  numberValue,
  TideFailure,
  textValue,
  type Work,
  withSession,
} from "./work.ts";

export async function runCommand(call: TideCall, settings: TideSettings, context: OperationContext): Promise<Answer> {
  const { words } = call.command;
  if (words === "migrate-config") return await migrateConfig(call, context);
  const url = requireUrl(settings);
  const sslmode = sslmodeOf(url);
  const target = { connection: url, ...(sslmode === undefined ? {} : { sslmode }) };
  const run = Object.hasOwn(RUNNERS, words) ? RUNNERS[words] : undefined;
  if (!run) throw new TideUsageError(`"${words}" cannot be run`, "pg-tide --help lists the commands.");
  return await run({ call, settings, context, target });
}

const RUNNERS: Readonly<Record<string, Command>> = {
  run,
  doctor,
  status,
  history,
  "config validate": configValidate,
  "validate-config": configValidate,
  "config export": configExport,
  "maintenance sweep": sweepAll,
  sweep: sweepAll,
  "replay preview": replayPreview,
  "replay dry-run": replayPreview,
  "replay execute": replayExecute,
  "replay dlq-resolve": (work) => settleLetter(work, "resolve"),
  "replay dlq-requeue": (work) => settleLetter(work, "requeue"),
  "support-bundle": supportBundle,
  "template list": templateList,
  "template validate": templateValidate,
  "dag check": dagCheck,
  "backfill create": backfillCreate,
  "backfill pause": backfillMove("pause"),
  "backfill resume": backfillMove("resume"),
  "backfill cancel": backfillMove("cancel"),
  "backfill status": backfillStatus,
  "asyncapi export": asyncapiExport,
  "asyncapi validate": asyncapiValidate,
};

async function run(work: Work): Promise<Answer> {
  const { settings, context, target } = work;
  await checkVersion(work);
  if (settings.selfTest) return await doctor(work);
  const { serverOf } = await import("../../operations/server/connect.ts");
  const { runRelayProcess } = await import("../../operations/relay/running.ts");
  const { DEFAULT_RUN } = await import("../../operations/relay/run-input.ts");
  const server = await serverOf(target, context);
  const summary = await runRelayProcess(
    {
      ...DEFAULT_RUN,
      group: settings.group,
      tenant: settings.tenant,
      metricsAddr: settings.metricsAddr,
      metricsToken: settings.metricsToken,
      otelEndpoint: settings.otelEndpoint,
      ssrfAllow: settings.ssrfAllow,
      secretRoot: settings.secretRoots,
      fileRoot: settings.fileRoots,
      allowSuperuser: settings.allowSuperuser,
      allowInsecure: settings.allowInsecure,
      maxPipelines: settings.maxPipelines,
      maxConnections: settings.maxConnections,
      drainTimeout: `${settings.drainTimeoutSeconds}s`,
      discoveryInterval: `${settings.discoverySeconds}s`,
      sweepInterval: `${settings.sweepHours}h`,
    },
    server,
    context,
  );
  if (summary.forced.length > 0)
    throw new TideFailure("PGTIDE_SHUTDOWN_FAILED", `${summary.forced.length} pipelines had not finished in time`);
  const data = { delivered: summary.delivered, stored: summary.stored, dead_letters: summary.deadLetters };
  return { ok: true, data, text: "" };
}

async function checkVersion({ settings: { expectedVersion }, ...work }: Work): Promise<void> {
  if (expectedVersion === undefined) return;
  const version = await withSession(work, versionOf);
  if (version === expectedVersion) return;
  throw new TideFailure(
    "PGTIDE_EXTENSION_VERSION_INCOMPATIBLE",
    `schema tide is of version ${tameLine(version ?? "unknown")}, which is not what was expected`,
  );
}

async function versionOf(session: Session): Promise<string | null> {
  const [row] = await session.query("select tide.version() as version");
  return row?.version ?? null;
}

async function doctor(work: Work): Promise<Answer> {
  const { checkRelay } = await import("../../operations/relay/doctor.ts");
  const { checkPipeline, pipelineRows } = await import("../../operations/relay/pipelines.ts");
  return await withSession(work, async (session) => {
    const checks = (await checkRelay(session)) ?? [];
    const pipelines = await Promise.all((await pipelineRows(session)).map(checkPipeline));
    const issues = pipelines.flatMap(({ pipeline, problems }) =>
      problems.map((reason) => ({ pipeline, severity: "error", reason })),
    );
    const ok = checks.every((check) => check.status !== "fail") && issues.length === 0;
    return {
      ok,
      ...(ok ? {} : { error: failed("PGTIDE_PIPELINE_INVALID", "something has to be repaired") }),
      data: {
        extension_version: await versionOf(session),
        schema: { status: checks.some((check) => check.what === "schema" && check.status === "ok") ? "ok" : "failed" },
        tables: checks.map(({ what, status }) => ({ component: what, status })),
        pipelines: { count: pipelines.length, preflight_issues: issues },
      },
      text: lines(checks.map(({ what, status: result, detail }) => ({ check: what, status: result, detail }))),
    };
  });
}

/** The fifteen columns of the public view, as it has them. */
const STATUS = `
  select s.pipeline_id, s.direction, s.tenant_name, s.enabled, s.relay_group_id, s.ownership, s.health, s.consumer_lag,
         s.last_offset, s.last_checkpoint_success_at, s.last_error_code, s.last_error_component, s.last_error_class,
         s.last_error_at, s.retry_attempt, s.retry_state, s.next_retry_at, s.unresolved_dlq_depth, s.last_state_update_at
    from tide.relay_pipeline_status as s`;

async function status(work: Work): Promise<Answer> {
  return await withSession(work, async (session) => {
    const pipelines = await jsonRows(session, STATUS);
    const wantsInboxes = work.call.values.get("inbox-summary") === true;
    const inboxes = wantsInboxes ? await jsonRows(session, "select i.* from tide.inbox_fleet_summary as i") : undefined;
    const shown = pipelines.map((row) => ({
      pipeline: row.pipeline_id,
      direction: row.direction,
      ownership: row.ownership,
      health: row.health,
      lag: row.consumer_lag ?? "-",
      dead: row.unresolved_dlq_depth,
      "last error": row.last_error_code ?? "",
    }));
    return {
      ok: true,
      data: { pipelines, ...(inboxes ? { inboxes } : {}) },
      text: shown.length === 0 ? "no pipelines\n" : lines(shown) + lines(inboxes ?? []),
    };
  });
}

async function history(work: Work): Promise<Answer> {
  const { readHistory } = await import("../../operations/relay/history.ts");
  const [pipeline = ""] = work.call.positionals;
  const limit = numberValue(work.call, "limit") ?? 20;
  const since = textValue(work.call, "since");
  return await withSession(work, async (session) => {
    const changes = await readHistory(session, { pipeline, limit, since });
    const shown = changes.map(({ id, changed_at: at, changed_by: by, kind, fields }) => ({
      id,
      at,
      by,
      kind,
      fields: fields.join(","),
    }));
    return { ok: true, data: { changes }, text: lines(shown) || "no changes\n" };
  });
}

async function configValidate(work: Work): Promise<Answer> {
  const { checkPipeline, pipelineRow } = await import("../../operations/relay/pipelines.ts");
  const name = textValue(work.call, "pipeline") ?? "";
  return await withSession(work, async (session) => {
    const row = await pipelineRow(session, name);
    const { valid, problems, direction, enabled } = await checkPipeline(row);
    if (!valid) throw new TideFailure("PGTIDE_PIPELINE_INVALID", `pipeline "${name}": ${problems.join("; ")}`);
    return {
      ok: true,
      data: { pipeline: name, direction, enabled, valid: true },
      text: `pipeline "${tameLine(name)}" is valid\n`,
    };
  });
}

async function configExport(work: Work): Promise<Answer> {
  const { pipelineRow, pipelineRows, shownConfig } = await import("../../operations/relay/pipelines.ts");
  const name = textValue(work.call, "pipeline");
  return await withSession(work, async (session) => {
    const rows = name === undefined ? await pipelineRows(session) : [await pipelineRow(session, name)];
    const pipelines = rows.map((row) => ({
      name: row.name,
      direction: row.direction,
      enabled: row.enabled,
      config: shownConfig(row.config),
    }));
    const data = { schema_version: 1, pipelines };
    return { ok: true, data, text: `${jsonText(data, 2)}\n` };
  });
}

async function sweepAll(work: Work): Promise<Answer> {
  const { sweep } = await import("../../operations/relay/sweep.ts");
  const { call, context } = work;
  const dryRun = call.values.get("dry-run") === true;
  const request = {
    outbox: textValue(call, "outbox"),
    batchSize: numberValue(call, "batch-size") ?? 1000,
    maxBatches: numberValue(call, "max-batches"),
    dryRun,
  };
  return await withSession(work, async (session) => {
    const swept = await sweep(session, request, context.signal);
    const outboxes = swept.outboxes.map(({ blockers: _blockers, ...outbox }) => outbox);
    return {
      ok: true,
      data: { outboxes, total_deleted: swept.total_deleted, dry_run: dryRun },
      text: `${lines(outboxes)}${swept.total_deleted} deleted\n`,
    };
  });
}

/** JSON lines in both outputs: people pipe them into a file. */
async function replayPreview(work: Work): Promise<Answer> {
  const { previewReplay } = await import("../../operations/relay/replay.ts");
  const { call } = work;
  return await withSession(work, async (session) => {
    const { events } = await previewReplay(session, {
      outbox: textValue(call, "outbox") ?? "",
      fromId: numberValue(call, "from-id") ?? 0,
      toId: numberValue(call, "to-id"),
      limit: numberValue(call, "limit") ?? 100,
      showPayload: true,
    });
    return { ok: true, data: { events }, text: events.map((event) => `${jsonText(event)}\n`).join("") };
  });
}

async function replayExecute({ call, context, target, settings }: Work): Promise<Answer> {
  const { executeReplay } = await import("../../operations/relay/replay.ts");
  const { serverOf } = await import("../../operations/server/connect.ts");
  const { delivered, dead_letters: dead } = await executeReplay(
    await serverOf(target, context),
    {
      pipeline: textValue(call, "pipeline") ?? "",
      fromId: numberValue(call, "from-id") ?? 0,
      toId: numberValue(call, "to-id") ?? 0,
      batchSize: numberValue(call, "batch-size") ?? 100,
      ssrfAllow: settings.ssrfAllow,
      secretRoot: settings.secretRoots,
      fileRoot: settings.fileRoots,
      allowInsecure: settings.allowInsecure,
      // The reference asks nobody either.
      yes: true,
    },
    context,
  );
  return { ok: true, data: { delivered, dead_letters: dead }, text: `${delivered} delivered, ${dead} dead\n` };
}

const LETTER_CALLS = {
  resolve: { call: "select tide.dlq_resolve($1, $2)", done: "settled" },
  requeue: { call: "select tide.dlq_requeue($1, $2)", done: "queued for delivery" },
} as const;

async function settleLetter(work: Work, action: keyof typeof LETTER_CALLS): Promise<Answer> {
  const pipeline = textValue(work.call, "pipeline") ?? "";
  const { call, done } = LETTER_CALLS[action];
  return await withSession(work, async (session) => {
    await session.query(call, [pipeline, textValue(work.call, "dedup-key") ?? ""]);
    return { ok: true, data: { pipeline, action }, text: `dead letter ${done}\n` };
  });
}

async function supportBundle({ call, context, target }: Work): Promise<Answer> {
  const { writeSupportBundle } = await import("../../operations/relay/support.ts");
  const { serverOf } = await import("../../operations/server/connect.ts");
  const directory = resolve(context.workingDirectory, textValue(call, "output-dir") ?? ".");
  const data = await writeSupportBundle(directory, () => serverOf(target, context), context);
  return { ok: true, data, text: lines(data.files) };
}

async function dagCheck(work: Work): Promise<Answer> {
  return await withSession(work, async (session) => {
    const cycles = await jsonRows(session, "select c.cycle_path from tide.relay_dag_check() as c");
    const ok = cycles.length === 0;
    return {
      ok,
      data: { cycles },
      text: ok ? "no cycles\n" : lines(cycles.map(({ cycle_path: path }) => ({ cycle: jsonText(path) }))),
      ...(ok ? {} : { error: failed("PGTIDE_PIPELINE_INVALID", "pipelines wait for each other in a circle") }),
    };
  });
}

/** Prints SQL and runs nothing: whoever moves pipelines into the catalog looks at them first. */
async function migrateConfig(call: TideCall, { workingDirectory }: OperationContext): Promise<Answer> {
  const path = textValue(call, "config");
  if (path === undefined) throw new TideUsageError('"migrate-config" needs --config', "Name the older TOML file.");
  const { parsed } = await parseToml(resolve(workingDirectory, path));
  const blocks = Array.isArray(parsed.pipeline) ? parsed.pipeline.filter(isRecord) : [];
  const statements = blocks.map((block) => {
    const call = "inbox" in block ? "relay_set_inbox_v2" : "relay_set_outbox_v2";
    return `select tide.${call}(${literal(JSON.stringify(block))}::jsonb);`;
  });
  return {
    ok: true,
    data: { statements },
    text: statements.map((line) => `${line}\n`).join("") || "-- no pipelines\n",
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
