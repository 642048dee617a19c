/**
 * The session of a deploy, opened while its project is still being read.
 *
 * Signing in takes the server about as long as reading a small project takes us, and making the session API's objects as
 * long as a large one, so both are under way meanwhile. Nothing but the session itself is made before the project is
 * known to be good: no database, no lock. When the project is refused the session is given up, and whatever it had to say
 * is not said.
 */
import type { OperationContext, ProgressEvent } from "../../base/operation.ts";
import type { ResolvedConnection } from "../../pg/connect/resolve.ts";
import type { ServerNotice, Session } from "../../pg/session.ts";
import { type Definitions, sendDefinitions } from "../session/prepare.ts";
import { type ConnectOptions, connect } from "./connect.ts";

export class EarlySession {
  readonly #abort = new AbortController();
  readonly #held: (() => void)[] = [];
  readonly #session: Promise<Session>;
  #owner: Pick<ConnectOptions, "onNotice"> & { report: (event: ProgressEvent) => void } = {
    onNotice: (notice) => this.#held.push(() => this.#owner.onNotice(notice)),
    report: (event) => this.#held.push(() => this.#owner.report(event)),
  };
  #definitions: Definitions | undefined;
  #isTaken = false;

  constructor(connection: ResolvedConnection, context: OperationContext) {
    const { signal } = this.#abort;
    const onNotice = (notice: ServerNotice): void => this.#owner.onNotice(notice);
    const report = (event: ProgressEvent): void => this.#owner.report(event);
    this.#session = connect({ connection, context: { ...context, report }, signal, onNotice }, connection.database);
    this.#session.then(
      (session) => {
        this.#definitions = sendDefinitions(session);
      },
      // Told to whoever takes the session.
      () => undefined,
    );
  }

  /** What `sendDefinitions` returned for the session, once it is there. */
  get definitions(): Definitions | undefined {
    return this.#definitions;
  }

  /** The session as if it had been opened with `options`: it ends with their signal, and what it had to say is said now. */
  take({ signal, context, onNotice }: ConnectOptions): Promise<Session> {
    this.#isTaken = true;
    this.#owner = { onNotice, report: (event) => context.report(event) };
    for (const say of this.#held.splice(0)) say();
    if (signal.aborted) this.#abort.abort(signal.reason);
    else signal.addEventListener("abort", () => this.#abort.abort(signal.reason), { once: true });
    return this.#session;
  }

  /** Gives the session up unless it was taken. Never throws. */
  async discard(): Promise<void> {
    if (this.#isTaken) return;
    this.#abort.abort();
    await this.#session.then((session) => session.close()).catch(() => undefined);
  }
}
