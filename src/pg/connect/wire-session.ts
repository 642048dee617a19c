/**
 * The session over one authenticated connection.
 *
 * One command at a time: idle -> running -> idle at ReadyForQuery, or -> ended for good. Inside a running command the
 * server leads: rows are kept or dropped as the command said when it began, COPY FROM STDIN is fed from the
 * command's sources, whose data follows the script without being asked for, and refused at once when there is none left.
 * COPY TO STDOUT is drained into nothing.
 *
 * search_path: a session starts with `search_path = pg_catalog`, set right after connecting and before anything else is
 * sent, because objects in the path that the database was given by its owner could otherwise capture our own
 * statements. Own statements name everything else with its schema. Before foreign SQL runs, the caller sends
 * `RESTORE_SEARCH_PATH`, which brings back what the server, the role, the database and the connection string say.
 */
import { assert } from "../../base/assert.ts";
import { PgkeepError } from "../../base/errors.ts";
import {
  type ArrayRow,
  type CopySource,
  type Notification,
  type ScriptOptions,
  ServerError,
  type ServerNotice,
  type Session,
  type SessionLine,
  type SessionTarget,
  type StatementResult,
  type TextRow,
  type TransactionStatus,
} from "../session.ts";
import { type Authenticated, statusOf, takeParameter } from "./authenticate.ts";
import { type Command, type CommandOptions, completeStatement, newCommand, type Outcome, takeRow } from "./command.ts";
import type { Keeping } from "./frames.ts";
import {
  decodeColumns,
  decodeError,
  decodeNotice,
  decodeNotification,
  FROM_SERVER,
  MessageReader,
  toServer,
} from "./messages.ts";
import type { Wire, WireListener } from "./wire.ts";

/**
 * Brings back the search_path of the connection's own defaults (server, role, database, connection string).
 * Send it before SQL that is not ours.
 */
export const RESTORE_SEARCH_PATH = "RESET search_path";

/** 2 s: a server that does not hang up within this after our goodbye is left behind. */
const CLOSE_LIMIT_MS = 2_000;

/** 10 requests, 200 ms apart: two seconds, after which the caller had better hang up. */
const MAX_CANCEL_REQUESTS = 10;
const CANCEL_REPEAT_MS = 200;

/** What the server is told when a script copies from us and we have nothing. It repeats this in its error. */
const NO_COPY_DATA = "pgkeep has no data for this COPY ... FROM STDIN";

export interface WireSessionOptions {
  wire: Wire;
  target: SessionTarget;
  line: SessionLine;
  authenticated: Authenticated;
  onNotice: ((notice: ServerNotice) => void) | undefined;
  /** Sends a cancel request for this session over a connection of its own. */
  cancel: () => Promise<void>;
}

export class WireSession implements Session, WireListener {
  readonly target: SessionTarget;
  readonly line: SessionLine;
  readonly processId: number;
  readonly #wire: Wire;
  readonly #parameters: Map<string, string>;
  readonly #sendCancel: () => Promise<void>;
  #status: TransactionStatus;
  #roundTrips = 0;
  #listener: ((notice: ServerNotice) => void) | undefined;
  #onNotification: ((notification: Notification) => void) | undefined;
  /** Names of statements that the server has parsed, by their text. */
  readonly #parsed = new Map<string, string>();
  /** The running command first. More than one only while statements of `prepare` and `ahead` are unanswered. */
  #commands: Command[] = [];
  /** How many of them are statements of `prepare` and `ahead`. */
  #preparing = 0;
  #ended: { error: unknown } | undefined;
  #closing: Promise<void> | undefined;
  #whenEnded: (() => void)[] = [];

  constructor({ wire, target, line, authenticated, onNotice, cancel }: WireSessionOptions) {
    this.target = target;
    this.line = line;
    this.processId = authenticated.processId;
    this.#parameters = authenticated.parameters;
    this.#status = authenticated.status;
    this.#listener = onNotice;
    this.#sendCancel = cancel;
    this.#wire = wire;
    wire.listen(this);
  }

  get serverVersion(): number {
    return versionNumber(this.#parameters.get("server_version") ?? "");
  }

  get roundTrips(): number {
    return this.#roundTrips;
  }

  transactionStatus(): TransactionStatus {
    return this.#status;
  }

  parameterStatus(name: string): string | undefined {
    return this.#parameters.get(name);
  }

  onNotice(listener: (notice: ServerNotice) => void): void {
    this.#listener = listener;
  }

  onNotification(listener: (notification: Notification) => void): void {
    this.#onNotification = listener;
  }

  onEnd(listener: () => void): void {
    if (this.#wire.hasEnded) listener();
    else this.#whenEnded.push(listener);
  }

  async rows(text: string, values: readonly (string | null)[] = []): Promise<ArrayRow[]> {
    const known = this.#parsed.get(text);
    const name = known ?? `pgkeep_${this.#parsed.size + 1}`;
    const run = toServer.execute(name, values);
    const bytes = known === undefined ? Buffer.concat([toServer.parse(name, text), run]) : run;
    const onParsed = () => this.#parsed.set(text, name);
    const { arrays } = await this.#run(bytes, { isExtended: true, keeps: "arrays", onParsed });
    return arrays;
  }

  async query(text: string, values: readonly (string | null)[] = []): Promise<TextRow[]> {
    const bytes = toServer.extendedQuery(text, values);
    const { results } = await this.#run(bytes, { isExtended: true, keeps: "named" });
    return results.at(-1)?.rows ?? [];
  }

  async script(text: string, options: ScriptOptions = {}): Promise<number> {
    const { completed } = await this.#run(toServer.query(text), { isExtended: false, keeps: "none", ...options });
    return completed;
  }

  async exchange(text: string, options: ScriptOptions = {}): Promise<StatementResult[]> {
    const { results } = await this.#run(toServer.query(text), { isExtended: false, keeps: "named", ...options });
    return results;
  }

  /**
   * Sets the connection up ahead of the first command, without waiting for the answers: the server takes messages in
   * order, so what comes next finds the connection prepared. When `required` fails the connection is ended, because
   * nothing may run without it; an error of an `optional` statement is ignored. Not counted as a round trip.
   */
  prepare(required: string, optional: readonly string[]): void {
    const plain = { isExtended: false, keeps: "none" } as const;
    this.#preparing = 1 + optional.length;
    this.#send(toServer.query(required), plain).catch((error: unknown) => {
      this.#ended ??= { error };
      this.#wire.destroy();
    });
    for (const text of optional) this.#send(toServer.query(text), plain).catch(() => undefined);
    this.#roundTrips = 0;
  }

  async ahead(text: string): Promise<void> {
    if (this.#ended) throw this.#ended.error;
    const roundTrips = this.#roundTrips;
    this.#preparing += 1;
    const answer = this.#send(toServer.query(text), { isExtended: false, keeps: "none" });
    this.#roundTrips = roundTrips;
    await answer;
  }

  /**
   * A request that reaches the server before the statement has begun there is lost, so it is repeated until the command
   * ends. Nothing is sent when no command runs, which could hit the next one.
   */
  async cancel(): Promise<void> {
    const command = this.#commands.at(-1);
    for (let request = 0; request < MAX_CANCEL_REQUESTS && command?.isRunning; request++) {
      await this.#sendCancel().catch(() => undefined);
      await Promise.race([command.settled, pause(CANCEL_REPEAT_MS)]);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#sayGoodbye(() => false);
    return this.#closing;
  }

  leave(): Promise<void> {
    this.#closing ??= this.#sayGoodbye(() => this.#commands.length === 0);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  keeping(type: number): Keeping {
    const isOfRows = type === FROM_SERVER.dataRow || type === FROM_SERVER.rowDescription;
    if (isOfRows) return (this.#commands[0]?.keeps ?? "none") === "none" ? "skip" : "keep";
    if (type === FROM_SERVER.notification) return this.#onNotification ? "shorten" : "skip";
    // Nothing else is long, unless somebody wants to fill our memory.
    return type === FROM_SERVER.copyData ? "skip" : "shorten";
  }

  message(type: number, body: Buffer): void {
    const command = this.#commands[0];
    if (type === FROM_SERVER.notice) this.#listener?.(decodeNotice(body));
    else if (type === FROM_SERVER.parameterStatus) takeParameter(this.#parameters, new MessageReader(body));
    else if (type === FROM_SERVER.notification) this.#onNotification?.(decodeNotification(body));
    else if (type === FROM_SERVER.ready) this.#settle(body);
    else if (command) this.#takeResult(command, type, body);
    else if (type === FROM_SERVER.error) this.#ended ??= { error: new ServerError(decodeError(body)) };
  }

  ended(error: Error | undefined): void {
    const commands = this.#commands.splice(0);
    const reason = commands[0]?.serverError ?? this.#ended?.error ?? connectionLost(error);
    this.#ended = { error: reason };
    for (const command of commands) command.reject(reason);
    for (const resolve of this.#whenEnded.splice(0)) resolve();
  }

  #takeResult(command: Command, type: number, body: Buffer): void {
    if (type === FROM_SERVER.dataRow) takeRow(command, body);
    else if (type === FROM_SERVER.rowDescription && command.keeps === "named") command.columns = decodeColumns(body);
    else if (type === FROM_SERVER.commandComplete) completeStatement(command, new MessageReader(body).cstring());
    else if (type === FROM_SERVER.error) command.serverError ??= new ServerError(decodeError(body));
    else if (type === FROM_SERVER.parseComplete) command.onParsed?.();
    else if (type === FROM_SERVER.copyIn) this.#beginCopy(command);
    else if (type === FROM_SERVER.copyBoth) this.#wire.destroy(unexpectedMessage());
  }

  #run(bytes: Buffer, options: CommandOptions): Promise<Outcome> {
    if (this.#ended) return Promise.reject(this.#ended.error);
    if (this.#closing !== undefined) return Promise.reject(connectionLost(undefined));
    assert(this.#commands.length === this.#preparing, "a session runs one command at a time");
    return this.#send(bytes, options);
  }

  #send(bytes: Buffer, options: CommandOptions): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const command = newCommand(options, resolve, reject);
      this.#commands.push(command);
      this.#roundTrips += 1;
      this.#wire.send(bytes);
      if (options.copyData?.length) void this.#supplyCopies(command, options.copyData);
    });
  }

  #settle(body: Buffer): void {
    this.#status = statusOf(body[0] ?? 0);
    const command = this.#commands.shift();
    if (this.#preparing > 0) this.#preparing -= 1;
    const error = command?.ownError ?? command?.serverError;
    if (error === undefined) command?.resolve();
    else command?.reject(error);
  }

  /**
   * Sends the data of all COPY statements right behind the script, without waiting for the server to ask: it reads them
   * when it gets there, and passes over what is left when an error came first. That saves a round trip per COPY.
   */
  async #supplyCopies(command: Command, sources: readonly CopySource[]): Promise<void> {
    try {
      for (const source of sources) await this.#sendCopyData(command, source);
    } catch (error) {
      command.ownError = error;
      if (command.serverError === undefined) this.#refuseCopy(command, "the source of the data failed");
    }
  }

  #beginCopy(command: Command): void {
    command.copiesBegun += 1;
    if (command.copiesBegun <= command.copiesSupplied) return;
    // The first refusal ends the message on the server; one that goes on asking is after our memory.
    if (command.copiesBegun > command.copiesSupplied + 1) {
      this.#wire.destroy(unexpectedMessage());
      return;
    }
    this.#roundTrips += 1;
    this.#refuseCopy(command, NO_COPY_DATA);
  }

  async #sendCopyData(command: Command, source: CopySource): Promise<void> {
    for await (const chunk of source) {
      if (command.serverError !== undefined || this.#wire.hasEnded) return;
      this.#wire.send(toServer.copyDataHeader(chunk.length));
      if (!this.#wire.send(chunk)) await this.#wire.drained();
    }
    this.#wire.send(toServer.copyDone());
    this.#resynchronize(command);
  }

  #refuseCopy(command: Command, reason: string): void {
    this.#wire.send(toServer.copyFail(reason));
    this.#resynchronize(command);
  }

  /** During COPY the server ignores the Sync that went with an extended query, so it needs another. */
  #resynchronize(command: Command): void {
    if (command.isExtended) this.#wire.send(toServer.sync());
  }

  /** `isEnough`: asked once our goodbye has left, whether the server's own need not be waited for. */
  async #sayGoodbye(isEnough: () => boolean): Promise<void> {
    if (this.#wire.hasEnded) return;
    const { socket } = this.#wire;
    const ended = new Promise<void>((resolve) => {
      this.#whenEnded.push(resolve);
    });
    this.#wire.send(toServer.terminate());
    const sent = new Promise<void>((resolve) => socket.end(() => resolve()));
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_LIMIT_MS);
    });
    const gone = Promise.race([ended, limit]).then(() => {
      clearTimeout(timer);
      this.#wire.destroy();
    });
    await Promise.race([sent, gone]);
    if (!isEnough()) return gone;
    timer?.unref();
    socket.unref();
  }
}

/** Resolves after `ms`, without keeping the process alive for it. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

/** server_version_num from server_version: "15.14 (Debian …)" is 150014, "18beta1" is 180000. */
export function versionNumber(version: string): number {
  const [, major, minor] = /^(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  return Number(major ?? 0) * 10_000 + Number(minor ?? 0);
}

function connectionLost(cause: Error | undefined): PgkeepError {
  return new PgkeepError("CONNECT_LOST", "the connection to the server was lost", {
    detail: "The server closed it, the network broke, or the server crashed.",
    hint: "Look into the server's log, then check what was committed before running again.",
    cause,
  });
}

function unexpectedMessage(): PgkeepError {
  return new PgkeepError("CONNECT_PROTOCOL", "the server switched to a mode that was not asked for");
}
