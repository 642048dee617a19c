/**
 * Delivers into an inbox, a table "<name>_inbox" in this database or in another one.
 *
 * One statement stores a batch: a row that is there already is left alone, so a repeated delivery is one event. When
 * a row cannot be stored (its payload holds what jsonb does not take), the batch is halved until that row stands alone,
 * and only it is refused.
 */
import { sleep } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import { AddressRefusal } from "../../net/address-policy.ts";
import { openSession } from "../../pg/connect/open.ts";
import { qualified } from "../../pg/identifiers.ts";
import type { HostAddress, Session } from "../../pg/session.ts";
import { ServerError } from "../../pg/session.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure } from "../failures.ts";
import { DELIVERED, type Delivery, type Disposition } from "../message.ts";
import { tooLarge } from "./lines.ts";
import type { Sink } from "./sink.ts";

/**
 * The last column: nobody can put another table there, whose triggers would run with our rights (tide.inbox_is_safe, in
 * words that need no right to call it).
 */
const PLACE = `
select c.inbox_schema,
       pg_catalog.to_regclass(pg_catalog.format('%I.%I', c.inbox_schema, c.inbox_name || '_inbox')) is not null,
       c.inbox_schema = 'tide' or exists (
         select
           from pg_catalog.pg_namespace as n
           join pg_catalog.pg_namespace as t on t.nspname = 'tide'
           join pg_catalog.pg_class as k
             on k.relnamespace = n.oid and k.relname = c.inbox_name || '_inbox' and k.relowner = t.nspowner
           join pg_catalog.pg_database as d on d.datname = pg_catalog.current_database()
           join pg_catalog.pg_roles as o
             on o.oid = case n.nspowner when 'pg_database_owner'::regrole then d.datdba else n.nspowner end
          where n.nspname = c.inbox_schema
            and (o.rolsuper or pg_catalog.pg_has_role(o.oid, t.nspowner, 'member')))
  from tide.tide_inbox_config as c
 where c.inbox_name = $1`;

/** "delivered" has to outlive a crash of the inbox's server, which may be set to confirm commits before they are on its disk. */
const DURABLE = `
select pg_catalog.set_config('synchronous_commit', 'on', false)
 where pg_catalog.current_setting('synchronous_commit') = 'off'`;

/** 1 MiB: what pg_tide allows a message to be. */
export const MESSAGE_BYTES = 1024 * 1024;

/** 30 s for a batch, halving included. */
const SEND_LIMIT_MS = 30_000;

export interface InboxTarget {
  inbox: string;
  /** Connection string of another database; undefined: the relay's own. */
  url: string | undefined;
}

/** Connects and makes sure that the inbox is there. Throws ConnectorFailure. */
export async function openInbox({ inbox, url }: InboxTarget, context: ConnectorContext): Promise<Sink> {
  const session = await connect(url, context);
  try {
    await session.rows(DURABLE);
    return new InboxSink(session, await insertFor(session, inbox, url === undefined));
  } catch (error) {
    await session.close();
    throw failureOf(error);
  }
}

class InboxSink implements Sink {
  readonly #session: Session;
  readonly #insert: string;
  #isUsable = true;

  constructor(session: Session, insert: string) {
    this.#session = session;
    this.#insert = insert;
    session.onEnd(() => {
      this.#isUsable = false;
    });
  }

  async send(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Disposition[]> {
    signal.throwIfAborted();
    const small = batch.filter(({ bytes }) => bytes <= MESSAGE_BYTES);
    const answers = small.length === 0 ? [] : await this.#within(signal, () => this.#store(small));
    const left = [...answers];
    return batch.map(({ bytes }) =>
      bytes <= MESSAGE_BYTES ? (left.shift() ?? DELIVERED) : tooLarge(bytes, MESSAGE_BYTES),
    );
  }

  async close(): Promise<void> {
    this.#isUsable = false;
    await this.#session.close();
  }

  /** A server that says nothing must not hold the pipeline. What was sent may still arrive: that is no second event. */
  async #within(signal: AbortSignal, work: () => Promise<Disposition[]>): Promise<Disposition[]> {
    if (!this.#isUsable) throw new ConnectorFailure("unavailable", "the connection to the inbox is closed");
    const limit = new AbortController();
    const ended = sleep(SEND_LIMIT_MS, AbortSignal.any([signal, limit.signal])).then(
      () => new ConnectorFailure("timeout", "the inbox's server did not answer in time"),
      () => new ConnectorFailure("unavailable", "the delivery was broken off"),
    );
    const working = work();
    try {
      const first = await Promise.race([working, ended]);
      if (!(first instanceof ConnectorFailure)) return first;
      this.#isUsable = false;
      working.catch(() => {});
      void this.#session.cancel();
      throw first;
    } finally {
      limit.abort();
    }
  }

  async #store(batch: readonly Delivery[]): Promise<Disposition[]> {
    try {
      await this.#session.query(this.#insert, [`[${batch.map(rowJson).join(",")}]`]);
      return batch.map(() => DELIVERED);
    } catch (error) {
      const refusal = rowRefusal(error);
      if (!refusal) throw failureOf(error);
      if (batch.length === 1) return [refusal];
      const middle = Math.ceil(batch.length / 2);
      // One after the other: the order of the rows is the order of the outbox.
      return [...(await this.#store(batch.slice(0, middle))), ...(await this.#store(batch.slice(middle)))];
    }
  }
}

async function connect(url: string | undefined, context: ConnectorContext): Promise<Session> {
  try {
    if (url === undefined) return await context.openDatabase();
    const { settings } = await context.resolveDatabase(url);
    const hosts = await checkedHosts(settings.hosts, context);
    const options = { signal: context.signal, clock: context.clock, warn: context.warn };
    return await openSession({ ...settings, hosts }, options);
  } catch (error) {
    context.signal.throwIfAborted();
    throw failureOf(error);
  }
}

/** What was checked is what is dialled: the name is left for the certificate only. */
async function checkedHosts(hosts: readonly HostAddress[], { addresses }: ConnectorContext): Promise<HostAddress[]> {
  const checked: HostAddress[] = [];
  for (const { host, port, address } of hosts) {
    if (host.startsWith("/") || host.startsWith("@")) {
      throw new ConnectorFailure("ssrf_rejected", "a socket of this host cannot be a pipeline's destination");
    }
    for (const found of await addresses.resolve(address ?? host, port))
      checked.push({ host, port, address: found.address });
  }
  return checked;
}

/** `isOurs`: the session has the relay's own rights, which nobody else's triggers may have. */
async function insertFor(session: Session, inbox: string, isOurs: boolean): Promise<string> {
  const [place] = await session.rows(PLACE, [inbox]);
  if (place?.[1] !== "t") {
    throw new ConnectorFailure(
      "invalid_destination",
      `there is no inbox "${tameLine(inbox)}", or the role may not see it`,
    );
  }
  if (isOurs && place[2] !== "t") {
    throw new ConnectorFailure(
      "authorization",
      `the schema of inbox "${tameLine(inbox)}" belongs to somebody who could replace its table`,
    );
  }
  return `
insert into ${qualified(place[0] ?? "", `${inbox}_inbox`)} (event_id, source, payload, headers)
select r.event_id, r.source, r.payload::jsonb, r.headers::jsonb
  from rows from (
         pg_catalog.jsonb_to_recordset($1::jsonb) as (event_id text, source text, payload text, headers text)
       ) with ordinality as r (event_id, source, payload, headers, place)
 order by r.place
    on conflict (event_id) do nothing`;
}

/** Payload and headers travel as texts inside of the text, so that nothing in them can become a field or a row. */
function rowJson({ message, subject, body, headers }: Delivery): string {
  return JSON.stringify({
    event_id: message.dedupKey,
    source: subject ?? "",
    payload: body === null ? "null" : body.toString(),
    headers: headersJson(message.headers, headers),
  });
}

/** The publisher's headers as they are, and what a wire format adds. */
function headersJson(own: string, added: Readonly<Record<string, string>>): string {
  const extra = JSON.stringify(added);
  if (extra === "{}") return own;
  return own.trim() === "{}" ? extra : `${own.trimEnd().slice(0, -1)},${extra.slice(1)}`;
}

/** What is wrong with a row's data: never with the table or the connection. */
function rowRefusal(error: unknown): Disposition | undefined {
  if (!(error instanceof ServerError) || !/^(?:22|54)|^23(?!P)/.test(error.sqlstate)) return undefined;
  const isSize = error.sqlstate.startsWith("54");
  return {
    outcome: "reject",
    class: isSize ? "message_too_large" : "protocol_rejection",
    scope: "message",
    // The server's own text repeats values.
    reason: `the inbox does not take the row: SQLSTATE ${error.sqlstate}`,
  };
}

/** Everything else is the inbox's or the connection's. */
function failureOf(error: unknown): ConnectorFailure {
  if (error instanceof ConnectorFailure) return error;
  if (error instanceof AddressRefusal) return new ConnectorFailure("ssrf_rejected", error.message, { cause: error });
  if (error instanceof ServerError) {
    const text = `the inbox's server answers SQLSTATE ${error.sqlstate}`;
    if (/^42501/.test(error.sqlstate))
      return new ConnectorFailure("authorization", `${text}: the role lacks a right`, { cause: error });
    if (/^28/.test(error.sqlstate)) return new ConnectorFailure("authentication", text, { cause: error });
    if (/^(?:42|3D|3F)/.test(error.sqlstate))
      return new ConnectorFailure("invalid_destination", text, { cause: error });
    return new ConnectorFailure(/^(?:08|53|57|40|55|25)/.test(error.sqlstate) ? "unavailable" : "unknown", text, {
      cause: error,
    });
  }
  if (error instanceof PgkeepError)
    return new ConnectorFailure(classOf(error), tameLine(error.message), { cause: error });
  return new ConnectorFailure("unavailable", "the connection to the inbox broke", { cause: error });
}

function classOf({ code, retryable }: PgkeepError): ConnectorFailure["class"] {
  if (code === "CONNECT_PASSWORD_REJECTED" || code === "CONNECT_PASSWORD_MISSING") return "authentication";
  if (code === "CONNECT_REJECTED" || code === "CONNECT_PERMISSION") return "authorization";
  if (code === "CONNECT_TLS_FAILED" || code === "CONNECT_TLS_FILE") return "tls_verification";
  if (code === "CONNECT_DATABASE_MISSING") return "invalid_destination";
  if (code === "CONNECT_STRING_INVALID" || code.startsWith("CONFIG_")) return "invalid_config";
  if (code === "CONNECT_TIMEOUT") return "timeout";
  return retryable || code.startsWith("CONNECT_") ? "unavailable" : "unknown";
}
