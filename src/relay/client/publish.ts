/**
 * Publishing from an application, in its own transaction: the event exists exactly when the change exists that it tells of.
 *
 * Only text is bound, so any driver with `query(text, values)` will do.
 */
import { PgkeepError } from "../../base/errors.ts";
import { literal } from "../../pg/identifiers.ts";
import { type Queryable, sqlstateOf } from "./connection.ts";
import type { PayloadEncryption } from "./encryption.ts";

export interface OutgoingEvent {
  /** Anything JSON can say. */
  payload: unknown;
  /** "insert", "update", "delete" or "event" (default): `headers.op`. */
  op?: "insert" | "update" | "delete" | "event";
  /** Type of the event, for subjects: `headers.event_type`. */
  type?: string;
  /** Key of what it is about, for brokers that partition or compact by key: `headers.dedup_key`. */
  key?: string;
  /** Further headers. Those above win. */
  headers?: Readonly<Record<string, unknown>>;
}

export interface PublishOptions {
  /** Seals the payload before it leaves this process. Headers stay readable. */
  encryption?: PayloadEncryption;
}

/** 10,000 events in one call: more belong into several statements. */
export const MAX_BATCH = 10_000;

/**
 * Publishes one event and returns its id. It is delivered after the transaction of `tx` has committed, and never if it
 * rolls back.
 *
 * Throws TypeError when payload or headers are no JSON; RELAY_OUTBOX_UNKNOWN (there is no such outbox), RELAY_RIGHT_MISSING
 * (this role may not publish to it), RELAY_NOT_INSTALLED (there is no schema tide); every other error is the driver's.
 * After an error of the server the transaction of `tx` can only be rolled back.
 */
export async function publish(
  tx: Queryable,
  outbox: string,
  event: OutgoingEvent,
  options: PublishOptions = {},
): Promise<bigint> {
  const { payload, headers } = texts(event, outbox, options);
  const { rows } = await run(tx, { outbox, text: PUBLISH, more: [payload, headers] });
  return BigInt(String(rows[0]?.id));
}

/**
 * Publishes up to 10,000 events with one statement and returns their ids, in order. Nothing is published when one cannot
 * be. Throws as `publish`, and RangeError for more.
 */
export async function publishBatch(
  tx: Queryable,
  outbox: string,
  events: readonly OutgoingEvent[],
  options: PublishOptions = {},
): Promise<bigint[]> {
  if (events.length > MAX_BATCH) throw new RangeError(`publishBatch takes at most ${MAX_BATCH} events`);
  if (events.length === 0) return [];
  const messages = events.map((event) => {
    const { payload, headers } = texts(event, outbox, options);
    return `{"payload":${payload},"headers":${headers}}`;
  });
  const { rows } = await run(tx, { outbox, text: PUBLISH_BATCH, more: [`[${messages.join(",")}]`] });
  return rows.map(({ id }) => BigInt(String(id)));
}

const PUBLISH = "select tide.outbox_publish_id($1, $2::jsonb, $3::jsonb) as id";

const PUBLISH_BATCH = `
select id::text as id
  from pg_catalog.unnest(tide.outbox_publish_batch($1, array(
         select message
           from pg_catalog.jsonb_array_elements($2::jsonb) with ordinality as m (message, place)
          order by place
       ))) with ordinality as published (id, place)
 order by place`;

function texts({ payload, op, type, key, headers }: OutgoingEvent, outbox: string, { encryption }: PublishOptions) {
  const text = jsonText(payload, "payload");
  const all = {
    ...headers,
    ...(op === undefined ? {} : { op }),
    ...(type === undefined ? {} : { event_type: type }),
    ...(key === undefined ? {} : { dedup_key: key }),
  };
  return { payload: encryption ? encryption.seal(text, outbox) : text, headers: jsonText(all, "headers") };
}

function jsonText(value: unknown, what: string): string {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`the ${what} of an event must be a JSON value`);
  return text;
}

interface PublishQuery {
  outbox: string;
  text: string;
  /** Values after the outbox, which is the first. */
  more: readonly string[];
}

async function run(tx: Queryable, { outbox, text, more }: PublishQuery) {
  try {
    return await tx.query(text, [outbox, ...more]);
  } catch (error) {
    throw named(error, outbox) ?? error;
  }
}

/** The errors that a program can do something about, by name. */
function named(error: unknown, outbox: string): PgkeepError | undefined {
  switch (sqlstateOf(error)) {
    case "42704":
      return new PgkeepError("RELAY_OUTBOX_UNKNOWN", `there is no outbox "${outbox}"`, {
        hint: `Create it: select tide.outbox_create(${literal(outbox)});`,
        cause: error,
      });
    case "42501":
      return new PgkeepError("RELAY_RIGHT_MISSING", `this role may not publish to outbox "${outbox}"`, {
        hint: "Grant it: select tide.outbox_grant_publish(outbox, role), and EXECUTE on tide.outbox_publish_id.",
        cause: error,
      });
    case "3F000":
    case "42883":
      return new PgkeepError("RELAY_NOT_INSTALLED", "the database has no schema tide, or an older one", {
        hint: "Run: pgkeep relay install",
        cause: error,
      });
    default:
      return undefined;
  }
}
