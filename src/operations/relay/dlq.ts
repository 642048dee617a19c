/** What the actions on dead letters do. */
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import type { Session } from "../../pg/session.ts";
import { isJson } from "../../relay/json/is-json.ts";
import {
  countDeadLetters,
  type DeadLetter,
  type DeadLetterDetail,
  findDeadLetters,
  readDeadLetter,
  unknownLetter,
} from "./dead-letters.ts";

export interface DlqRequest {
  action: "list" | "show" | "edit" | "retry" | "discard" | "export";
  ids: readonly string[];
  match?: string | undefined;
  preview?: boolean | undefined;
  limit: number;
  all?: boolean | undefined;
  showPayload?: boolean | undefined;
  payload?: string | undefined;
  headers?: string | undefined;
  ifVersion?: number | undefined;
  reason?: string | undefined;
  yes?: boolean | undefined;
}

export interface DlqOutput {
  action: string;
  dead_letters: (DeadLetter & Partial<Omit<DeadLetterDetail, keyof DeadLetter>>)[];
  matched: number;
  changed: number;
}

export async function runDlq(session: Session, request: DlqRequest, context: OperationContext): Promise<DlqOutput> {
  const { action } = request;
  if (request.ids.length > 0 && request.match !== undefined) {
    throw new PgkeepError("CONFIG_CONFLICT", "dead letters were named both by number and by --match", {
      hint: "Leave one of them away.",
      state: "nothing was changed",
    });
  }
  if (action === "show") return await show(session, request);
  if (action === "list" || action === "export") return await list(session, request);
  if (action === "edit") return await edit(session, request, context);
  return await settle(session, request, context);
}

async function list(session: Session, request: DlqRequest): Promise<DlqOutput> {
  const found = await findDeadLetters(session, request);
  const withPayload = request.action === "export" && (request.showPayload ?? false);
  const letters = withPayload
    ? await inTurn(found, ({ id }) => readDeadLetter(session, String(id), { withPayload }))
    : found;
  return {
    action: request.action,
    dead_letters: letters,
    matched: await countDeadLetters(session, request),
    changed: 0,
  };
}

async function show(session: Session, request: DlqRequest): Promise<DlqOutput> {
  const ids = requireIds(request);
  const withPayload = request.showPayload ?? false;
  const letters = await inTurn(ids, (id) => readDeadLetter(session, id, { withPayload }));
  return { action: "show", dead_letters: letters, matched: letters.length, changed: 0 };
}

/** One after the other: a session runs one statement at a time. */
async function inTurn<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

function requireIds({ ids, action }: DlqRequest): readonly string[] {
  if (ids.length > 0) return ids;
  throw new PgkeepError("USAGE_ARGUMENTS", `relay dlq ${action} needs the number of a dead letter`, {
    hint: `Write pgkeep relay dlq ${action} 42; list shows the numbers.`,
  });
}

function requireReason({ reason, action }: DlqRequest): string {
  if (reason !== undefined && reason.trim() !== "") return reason;
  throw new PgkeepError("USAGE_ARGUMENTS", `relay dlq ${action} needs a reason`, {
    hint: "Say why: --reason 'test order'. It stays in the record.",
  });
}

async function edit(session: Session, request: DlqRequest, context: OperationContext): Promise<DlqOutput> {
  const [id = "", ...others] = requireIds(request);
  const reason = requireReason(request);
  if (others.length > 0)
    throw new PgkeepError("USAGE_ARGUMENTS", "one dead letter is edited at a time", {
      hint: "Repeat the command for the others.",
    });
  const payload = request.payload === "-" ? ((await context.readStdin?.()) ?? "") : request.payload;
  const { headers } = request;
  if (payload === undefined && headers === undefined)
    throw new PgkeepError("USAGE_ARGUMENTS", "relay dlq edit needs a new payload or new headers", {
      hint: "Give --payload JSON or --headers JSON.",
    });
  checkJson(payload, "payload");
  checkJson(headers, "headers");
  const before = await readDeadLetter(session, id, { withPayload: false });
  if (before.status === "settled") throw unknownLetter(id);
  if (request.preview) return { action: "edit", dead_letters: [before], matched: 1, changed: 0 };
  await session.query("select tide.relay_dlq_edit($1::bigint, $2::jsonb, $3::jsonb, $4::integer, $5)", [
    id,
    payload ?? null,
    headers ?? null,
    // Without it the last of two people who edit wins; both edits stay in the record.
    String(request.ifVersion ?? before.version),
    reason,
  ]);
  return {
    action: "edit",
    dead_letters: [await readDeadLetter(session, id, { withPayload: false })],
    matched: 1,
    changed: 1,
  };
}

function checkJson(text: string | undefined, what: string): void {
  if (text === undefined || isJson(text)) return;
  throw new PgkeepError("CONFIG_VALUE_INVALID", `--${what} is not JSON`, {
    hint: `Give --${what} as JSON text in single quotes.`,
    state: "nothing was changed",
  });
}

/** 500 at a time: each transaction stays short, and an interrupted run has done whole chunks. */
const CHUNK = 500;

const CALLS = {
  retry: "select tide.relay_dlq_retry_many($1::bigint[], $2) as done",
  discard: "select tide.relay_dlq_discard_many($1::bigint[], $2) as done",
} as const;

/** What pg_tide's relay role may call: one at a time, without a reason. */
const RETRY_EACH = `
  select count(r.done) as done
    from (select tide.relay_dlq_retry(i.id)::text as done from pg_catalog.unnest($1::bigint[]) as i(id)
           where $2::text is null or true) as r`;

async function callOf(session: Session, action: keyof typeof CALLS): Promise<string> {
  if (action === "discard") return CALLS.discard;
  const [row] = await session.query(`
    select pg_catalog.has_function_privilege('tide.relay_dlq_retry_many(bigint[], text)', 'execute') as may`);
  return row?.may === "t" ? CALLS.retry : RETRY_EACH;
}

async function settle(session: Session, request: DlqRequest, context: OperationContext): Promise<DlqOutput> {
  const action = request.action === "discard" ? "discard" : "retry";
  const reason = action === "discard" && !request.preview ? requireReason(request) : request.reason;
  if (request.match === undefined) requireIds(request);
  const meant = await findDeadLetters(session, { ...request, all: false });
  const missing = request.ids.find((id) => meant.every((letter) => String(letter.id) !== id));
  if (missing !== undefined) throw unknownLetter(missing);
  const matched = await countDeadLetters(session, { ...request, all: false });
  if (request.preview || meant.length === 0) return { action, dead_letters: meant, matched, changed: 0 };
  await approve({ action, count: meant.length, yes: request.yes }, context);
  const call = await callOf(session, action);
  let changed = 0;
  for (let from = 0; from < meant.length; from += CHUNK) {
    context.signal.throwIfAborted();
    const ids = meant.slice(from, from + CHUNK).map(({ id }) => id);
    const [row] = await session.query(call, [`{${ids.join(",")}}`, reason ?? null]);
    changed += Number(row?.done ?? 0);
    context.report({ type: "relay.dead_letters_changed", action, changed, of: meant.length });
  }
  const after = await findDeadLetters(session, {
    ids: meant.map(({ id }) => String(id)),
    all: true,
    limit: meant.length,
  });
  return { action, dead_letters: after, matched, changed };
}

interface Approval extends Pick<DlqRequest, "yes"> {
  action: string;
  count: number;
}

async function approve({ action, count, yes = false }: Approval, { prompt }: OperationContext): Promise<void> {
  if (count < 2 || yes) return;
  if (!prompt) {
    throw new PgkeepError("RELAY_UNAPPROVED", `to ${action} ${count} dead letters was not approved`, {
      detail: "Receivers that do not deduplicate will see delivered events again.",
      hint: "Look at them with --preview, then repeat the command with --yes.",
      state: "nothing was changed",
    });
  }
  if (await prompt.confirm(`${action === "retry" ? "Deliver" : "Discard"} ${count} dead letters?`)) return;
  throw new PgkeepError("CANCELLED", "the change was not approved", { state: "nothing was changed" });
}
