/**
 * The place where probes run: a transaction that is always rolled back, and in it, role by role, a function that runs
 * with the rights of the role and of nobody else.
 *
 *   opened -> in a role -> opened -> ... -> closed
 *
 * What makes it safe to run as a superuser among people who are not: probes run inside a SECURITY DEFINER function that
 * belongs to the role, where the server refuses to change role or session authorization, so code of others that a probe
 * meets cannot become the executor. Event triggers are off (their functions would run for definitions, ours included),
 * or, where the executor may not switch them off and somebody else's code is among them, nothing is defined at all. A
 * superuser's own rights are never put to a probe: there would be nothing left to contain.
 *
 * Everything is undone item by item, so no lock outlives the probe that took it.
 */
import { PgkeepError } from "../../base/errors.ts";
import { ident, literal } from "../../pg/identifiers.ts";
import { ServerError, type Session, type TextRow } from "../../pg/session.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { Answer, ObjectQuestion, Question, VerifyMethod } from "./probe.ts";
import type { RoleGraph } from "./role-graph.ts";
import { definitions, probeStatement } from "./statements.ts";
import type { Surroundings } from "./surroundings.ts";

/** 250 ms: a probe that has to wait is given up, so that verification never holds up whoever waits behind it. */
const LOCK_TIMEOUT_MS = 250;

/** 20 s for one message of probes, of which the slowest seen took one. */
const STATEMENT_TIMEOUT_MS = 20_000;

/** query_canceled; by the clock, since an interrupt is thrown before this is looked at. */
const STATEMENT_TIMED_OUT = "57014";

/** 2,000 probes per message: about a second, so that an interrupt is heard. */
const ITEMS_PER_MESSAGE = 2_000;

/** Something that waits to be tried: an item of pgkeep_probe (sql/access/verify/functions.sql). */
export type Item = string;

export interface RoomOptions {
  snapshot: Snapshot;
  surroundings: Surroundings;
  present: RoleGraph;
  signal: AbortSignal;
  /** Hexadecimal digits that make names new. */
  nonce: string;
}

/** As whom probes run: `actor` has the rights; `login` is who the session belongs to, and may become the actor. */
export interface Actor {
  login: string;
  actor: string;
}

/** What can be done inside a role. */
export interface Inside {
  /** Answers in the order of the items. */
  tryAll(items: readonly Item[]): Promise<Answer[]>;
  /** Answers of the catalog, as the role, in the order of the questions. */
  askAll(questions: readonly Question[]): Promise<Answer[]>;
  /** Tries SET ROLE for each; undefined where the session is not the role's own, so that it would prove nothing. */
  becomeAll: ((roles: readonly string[]) => Promise<Answer[]>) | undefined;
}

export class ProbeRoom {
  readonly method: VerifyMethod;
  /** Why nothing is tried, when method is "catalog". */
  readonly why: string | undefined;
  readonly #session: Session;
  readonly #options: RoomOptions;
  readonly #isNested: boolean;
  readonly #onAbort: () => void;
  #entered = 0;
  #isClosed = false;

  private constructor(session: Session, options: RoomOptions, state: { isNested: boolean; onAbort: () => void }) {
    this.#session = session;
    this.#options = options;
    this.#isNested = state.isNested;
    this.#onAbort = state.onAbort;
    const { executor } = options.snapshot;
    const stranger = options.surroundings.eventTriggers.find(
      ({ trusted, owner }) => !trusted && owner !== executor.currentUser,
    );
    if (executor.superuser) this.method = "session authorization";
    else if (stranger) {
      this.method = "catalog";
      this.why = `event trigger "${stranger.name}" would run code of role "${stranger.owner}" for every definition, and only a superuser can switch it off`;
    } else this.method = "role";
  }

  /** Opens a transaction, or a part of the caller's. */
  static async open(session: Session, options: RoomOptions): Promise<ProbeRoom> {
    const { signal, snapshot, surroundings } = options;
    const isNested = session.transactionStatus() !== "idle";
    const onAbort = (): void => void session.cancel();
    signal.addEventListener("abort", onAbort, { once: true });
    const room = new ProbeRoom(session, options, { isNested, onAbort });
    try {
      await session.script(
        [
          isNested ? "savepoint pgkeep_verify" : "begin transaction isolation level read committed",
          "set local search_path = pg_catalog",
          `set local lock_timeout = ${LOCK_TIMEOUT_MS}`,
          `set local statement_timeout = ${STATEMENT_TIMEOUT_MS}`,
          "set local client_min_messages = error",
          "set local row_security = on",
          ...(snapshot.executor.superuser ? withoutEventTriggers(snapshot, surroundings) : []),
        ].join("; "),
      );
    } catch (error) {
      await room.close();
      signal.throwIfAborted();
      throw error instanceof ServerError ? endedByServer(error) : error;
    }
    return room;
  }

  /** Undoes everything. Safe to call twice. */
  async close(): Promise<void> {
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    if (this.#isClosed || this.#session.transactionStatus() === "idle") return;
    this.#isClosed = true;
    await this.#session.script(
      this.#isNested ? "rollback to savepoint pgkeep_verify; release savepoint pgkeep_verify" : "rollback",
    );
  }

  /**
   * Runs `work` inside a role; undefined when that is not possible, with the reason. With `keeps`, what items of the kind
   * "k" did stays until the room closes.
   */
  async inside<Result>(
    actor: Actor,
    work: (inside: Inside) => Promise<Result>,
    { keeps = false }: { keeps?: boolean } = {},
  ): Promise<{ result: Result } | { refused: string }> {
    const refused = this.#refusal(actor);
    if (refused !== undefined) return { refused };
    const suffix = `_${++this.#entered}`;
    await this.#session.script("savepoint pgkeep_role");
    const entered = await this.#enter(actor, suffix);
    if ("refused" in entered) return entered;
    try {
      const result = await work(this.#insideOf(entered.schema, suffix));
      if (keeps) await this.#session.script("set local role none; set local session authorization default");
      return { result };
    } finally {
      // After a cancel or a broken connection there is no transaction left to tidy.
      if (!keeps && this.#session.transactionStatus() === "transaction") await this.#back("pgkeep_role");
    }
  }

  /** Asks the catalog, as whoever the session is just now. Nothing but functions of pg_catalog may be in a query. */
  async askAll(questions: readonly Question[]): Promise<Answer[]> {
    const alone = questions.filter((question) => typeof question === "string");
    const ofObjects = questions.filter((question) => typeof question !== "string");
    const single = (await this.#inMessages(alone, (some) => this.#askOneByOne(some))).values();
    const together = (await this.#inMessages(ofObjects, (some) => this.#askTogether(some))).values();
    return questions.map(
      (question) => (typeof question === "string" ? single : together).next().value ?? { outcome: undefined },
    );
  }

  async #askOneByOne(queries: readonly string[]): Promise<Answer[]> {
    return (await this.#exchange(queries.join("; "))).map((row) => truthOf(Object.values(row)[0]));
  }

  /** One query for all: a fraction of what as many statements would cost. */
  async #askTogether(questions: readonly ObjectQuestion[]): Promise<Answer[]> {
    const list = (values: readonly (string | number)[], type: string): string =>
      `${literal(arrayText(values.map(String)))}::pg_catalog.${type}[]`;
    const rows = await this.#exchange(`
      select pg_catalog.has_schema_privilege(q.role, q.schema, 'usage')
             and case q.form
                   when 'table' then pg_catalog.has_table_privilege(q.role, q.object, q.privileges)
                   when 'columns' then pg_catalog.has_any_column_privilege(q.role, q.object, q.privileges)
                   when 'sequence' then pg_catalog.has_sequence_privilege(q.role, q.object, q.privileges)
                   when 'routine' then pg_catalog.has_function_privilege(q.role, q.object, q.privileges)
                 end as answer
        from unnest(${list(
          questions.map(({ form }) => form),
          "text",
        )},
                    ${list(
                      questions.map(({ role }) => role),
                      "text",
                    )},
                    ${list(
                      questions.map(({ schema }) => schema),
                      "text",
                    )},
                    ${list(
                      questions.map(({ oid }) => oid),
                      "oid",
                    )},
                    ${list(
                      questions.map(({ privileges }) => privileges),
                      "text",
                    )})
             with ordinality as q (form, role, schema, object, privileges, n)
       order by q.n`);
    return rows.map(({ answer }) => truthOf(answer));
  }

  #refusal({ login, actor }: Actor): string | undefined {
    const { present, snapshot } = this.#options;
    if (this.method === "catalog") return this.why;
    if (present.isSuperuser(login) || present.isSuperuser(actor))
      return "a superuser may do everything, so nothing is tried as one";
    if (this.method === "session authorization") return undefined;
    const { currentUser } = snapshot.executor;
    if (actor === currentUser || present.becomes(currentUser).has(actor)) return undefined;
    return `role "${currentUser}" may not become it`;
  }

  /** Defines the functions and becomes the role. */
  async #enter(actor: Actor, suffix: string): Promise<{ schema: string } | { refused: string }> {
    // Not pg_temp where there is a choice: once it exists, a refused temporary table is refused in other words.
    const own = ident(`pgkeep_verify_${this.#options.nonce}${suffix}`);
    const places = this.method === "session authorization" ? [own] : [own, "pg_temp"];
    let refused = "";
    for (const schema of places) {
      try {
        await this.#session.script(this.#entry(actor, { schema, suffix }).join("; "));
        return { schema };
      } catch (error) {
        refused = this.#wordsOf(error);
        await this.#back("pgkeep_role");
      }
    }
    return { refused: `the probes could not be set up for it: ${refused}` };
  }

  #entry({ login, actor }: Actor, { schema, suffix }: { schema: string; suffix: string }): string[] {
    const { currentUser } = this.#options.snapshot.executor;
    const own = schema === "pg_temp" ? [] : [probeStatement("create schema", { name: schema })];
    // CREATE is what a new owner of a function needs when it is no superuser who gives it away.
    const rights = this.method === "role" ? "usage, create" : "usage";
    if (own.length > 0 && actor !== currentUser) own.push(`grant ${rights} on schema ${schema} to ${ident(actor)}`);
    const handOver =
      actor === currentUser && this.method === "role"
        ? []
        : [`alter function ${schema}.pgkeep_probe${suffix}(pg_catalog.text[]) owner to ${ident(actor)}`];
    const become =
      this.method === "session authorization"
        ? [
            `set local session authorization ${ident(login)}`,
            ...(login === actor ? [] : [`set local role ${ident(actor)}`]),
          ]
        : [`set local role ${ident(actor)}`];
    return [...own, definitions(schema, suffix).trim().replace(/;$/, ""), ...handOver, ...become];
  }

  #insideOf(schema: string, suffix: string): Inside {
    const call =
      (name: string) =>
      async (items: readonly string[]): Promise<Answer[]> =>
        await this.#inMessages(items, async (some) => {
          const rows = await this.#exchange(
            `select outcome, code, message from ${schema}.${name}${suffix}(${literal(arrayText(some))}::pg_catalog.text[])`,
          );
          return rows.map(answerOf);
        });
    return {
      tryAll: call("pgkeep_probe"),
      askAll: (questions) => this.askAll(questions),
      becomeAll: this.method === "session authorization" ? call("pgkeep_become") : undefined,
    };
  }

  /**
   * In messages of bounded size. When one fails as a whole (code that cannot be caught), its halves are tried
   * until the one item that does it is found; that one has no answer.
   */
  async #inMessages<Item>(
    items: readonly Item[],
    send: (some: readonly Item[]) => Promise<Answer[]>,
  ): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let at = 0; at < items.length; at += ITEMS_PER_MESSAGE) {
      answers.push(...(await this.#halving(items.slice(at, at + ITEMS_PER_MESSAGE), send)));
    }
    return answers;
  }

  async #halving<Item>(items: readonly Item[], send: (some: readonly Item[]) => Promise<Answer[]>): Promise<Answer[]> {
    this.#options.signal.throwIfAborted();
    await this.#session.script("savepoint pgkeep_message");
    try {
      const answers = await send(items);
      await this.#session.script("release savepoint pgkeep_message");
      return answers;
    } catch (error) {
      const words = this.#wordsOf(error);
      await this.#back("pgkeep_message");
      await this.#session.script("release savepoint pgkeep_message");
      // Whatever takes so long would take it again in one of the halves: none of them has an answer.
      if (error instanceof ServerError && error.sqlstate === STATEMENT_TIMED_OUT) {
        return items.map(() => ({ outcome: undefined, sqlstate: STATEMENT_TIMED_OUT, message: words }));
      }
      if (items.length === 1) {
        return [
          { outcome: undefined, sqlstate: error instanceof ServerError ? error.sqlstate : undefined, message: words },
        ];
      }
      const middle = Math.ceil(items.length / 2);
      const first = await this.#halving(items.slice(0, middle), send);
      return [...first, ...(await this.#halving(items.slice(middle), send))];
    }
  }

  async #exchange(text: string): Promise<TextRow[]> {
    return (await this.#session.exchange(text)).flatMap(({ rows }) => rows);
  }

  async #back(savepoint: string): Promise<void> {
    await this.#session.script(`rollback to savepoint ${savepoint}`);
  }

  /** The server's words; everything else is thrown on, and so is what an interrupt made of the statement. */
  #wordsOf(error: unknown): string {
    this.#options.signal.throwIfAborted();
    if (!(error instanceof ServerError)) throw error;
    if (this.#session.transactionStatus() === "idle") throw endedByServer(error);
    return `${error.message} (${error.sqlstate})`;
  }
}

/** The server's refusal of something that is ours and not a probe. */
export function endedByServer(error: ServerError): PgkeepError {
  return new PgkeepError("ACCESS_SQL_FAILED", "verification was ended by the server", {
    detail: `The server said: ${error.message} (${error.sqlstate}).`,
    state: "rolled back; nothing was changed",
    cause: error,
  });
}

/** From 17 on there is a setting; before it, the triggers are switched off in our transaction, where only we see it. */
function withoutEventTriggers({ major }: Snapshot, { eventTriggers }: Surroundings): string[] {
  if (major >= 17) return ["set local event_triggers = off"];
  return eventTriggers.map(({ name }) => `alter event trigger ${ident(name)} disable`);
}

function truthOf(value: string | null | undefined): Answer {
  return { outcome: value === "t" ? "true" : value === "f" ? "false" : undefined };
}

function answerOf({ outcome, code, message }: TextRow): Answer {
  return {
    outcome: outcome ?? undefined,
    ...(code ? { sqlstate: code } : {}),
    ...(message ? { message } : {}),
  };
}

/** The text form of text[]. */
function arrayText(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}
