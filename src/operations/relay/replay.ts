/** Events that are still there, and their delivery a second time. */
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import type { Session } from "../../pg/session.ts";
import type { RelayEvent } from "../../relay/engine/events.ts";
import type { RelaySummary } from "../../relay/engine/options.ts";
import { logEntryOf } from "../../relay/observe/log-lines.ts";
import type { Server } from "../server/connect.ts";
import { baseOptions } from "./relay-options.ts";
import { DEFAULT_RUN } from "./run-input.ts";
import { inOurWords, requireTide } from "./tide.ts";

export interface ReplayEvent {
  id: string;
  outbox: string;
  created_at: string;
  consumed: boolean;
  payload_bytes: number;
  payload?: unknown;
  headers?: unknown;
}

export interface ReplayOutput {
  action: string;
  events: ReplayEvent[];
  delivered: number;
  dead_letters: number;
}

/** 2^63 - 1, the greatest id there can be. */
const LAST_ID = "9223372036854775807";

const PREVIEW = `
  select e.value ->> 'id' as id, e.value ->> 'outbox_name' as outbox, e.value ->> 'created_at' as created_at,
         e.value ->> 'consumed' as consumed, (e.value -> 'payload')::text as payload, (e.value -> 'headers')::text as headers
    from pg_catalog.jsonb_array_elements(tide.relay_replay_preview($1, $2::bigint, $3::bigint, $4::int)) as e(value)
   order by (e.value ->> 'id')::bigint`;

export interface PreviewRequest {
  outbox: string;
  fromId: number;
  toId?: number | undefined;
  limit: number;
  showPayload?: boolean | undefined;
}

export async function previewReplay(session: Session, request: PreviewRequest): Promise<ReplayOutput> {
  const { outbox, fromId, toId, limit, showPayload = false } = request;
  const values = [outbox, String(fromId), toId === undefined ? LAST_ID : String(toId), String(limit)];
  const rows = await session.query(PREVIEW, values);
  const events = rows.map((row) => ({
    id: row.id ?? "",
    outbox: row.outbox ?? outbox,
    created_at: row.created_at ?? "",
    consumed: row.consumed === "true",
    payload_bytes: Buffer.byteLength(row.payload ?? ""),
    ...(showPayload ? { payload: jsonOf(row.payload), headers: jsonOf(row.headers) } : {}),
  }));
  return { action: "preview", events, delivered: 0, dead_letters: 0 };
}

const jsonOf = (text: string | null | undefined): unknown => (text ? JSON.parse(text) : null);

export interface ExecuteRequest {
  pipeline: string;
  fromId: number;
  toId: number;
  batchSize: number;
  ssrfAllow?: string[] | undefined;
  secretRoot?: string[] | undefined;
  fileRoot?: string[] | undefined;
  allowInsecure?: boolean | undefined;
  yes?: boolean | undefined;
}

/** Delivers the range again. Throws RELAY_REPLAY_REFUSED, RELAY_UNAPPROVED. */
export async function executeReplay(
  server: Server,
  request: ExecuteRequest,
  context: OperationContext,
): Promise<ReplayOutput> {
  const { pipeline, fromId, toId, batchSize } = request;
  await approve(request, context);
  await using session = await server.open();
  await requireTide(session);
  const group = `replay:${pipeline}`;
  const observe = (event: RelayEvent): void => {
    const entry = logEntryOf(event, group);
    if (entry) context.report(entry);
  };
  const flags = { ...DEFAULT_RUN, ...request, pipeline: [pipeline] };
  const { runReplay } = await import("../../relay/engine/replay.ts");
  const summary = await inOurWords(session, () =>
    runReplay(baseOptions(flags, { server, context, observe }), {
      pipeline,
      fromId: BigInt(fromId),
      toId: BigInt(toId),
      batchSize,
    }),
  );
  const output = { action: "execute", events: [], delivered: summary.delivered, dead_letters: summary.deadLetters };
  refuseUnfinished(summary, output, context.signal);
  return output;
}

/** A replay that was ended before the end of its range is never told as done. */
function refuseUnfinished(
  { pipelines, forced }: RelaySummary,
  data: ReplayOutput,
  { aborted, reason }: AbortSignal,
): void {
  const isFailed = pipelines.some(({ state }) => state === "failed");
  if (!aborted && !isFailed && forced.length === 0) return;
  const ended = reason instanceof PgkeepError ? reason : undefined;
  const counted = `${data.delivered} events were delivered and ${data.dead_letters} became dead letters`;
  const parts = {
    hint: "Repeat the command: it begins at --from-id again, and receivers know what they had by its id.",
    state: `${counted}; the rest was not, and the live position is as before`,
    data: { ...data },
  };
  if (aborted) throw new PgkeepError(ended?.code ?? "COMMAND_INTERRUPTED", ended?.message ?? "interrupted", parts);
  throw new PgkeepError("RELAY_REPLAY_REFUSED", "the replay could not be finished", {
    ...parts,
    detail: pipelines.map(({ name, reason: why }) => `Pipeline "${name}": ${why ?? "unknown"}.`).join(" "),
  });
}

async function approve({ yes = false, fromId, toId }: ExecuteRequest, { prompt }: OperationContext): Promise<void> {
  if (toId < fromId)
    throw new PgkeepError("RELAY_REPLAY_REFUSED", "the range of the replay ends before it begins", {
      hint: "Write the lower id with --from-id.",
      state: "nothing was delivered",
    });
  if (yes) return;
  if (!prompt)
    throw new PgkeepError("RELAY_UNAPPROVED", "delivering events again was not approved", {
      detail: "Receivers that do not deduplicate will see them twice.",
      hint: "Look at them with pgkeep relay replay preview, then repeat the command with --yes.",
      state: "nothing was delivered",
    });
  if (await prompt.confirm(`Deliver events ${fromId} to ${toId} again?`)) return;
  throw new PgkeepError("CANCELLED", "the replay was not approved", { state: "nothing was delivered" });
}
