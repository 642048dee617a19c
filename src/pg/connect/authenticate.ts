/**
 * From the startup packet to "ready for query": who we are, proved in a way that we accept.
 *
 * The server chooses the method, and an impostor chooses the weakest. So every request is first held against what the
 * settings allow; credentials leave only for a method that is allowed, once per connection, and a clear-text password
 * only inside TLS or a Unix socket unless `require_auth` names "password". A SCRAM exchange that began runs to its end,
 * the server's own proof included, before "the server accepted us" is listened to.
 */
import { createHash } from "node:crypto";
import { PgkeepError } from "../../base/errors.ts";
import type { Secret } from "../../base/secrets.ts";
import {
  type ConnectionSettings,
  type HostAddress,
  ServerError,
  type ServerNotice,
  type TransactionStatus,
} from "../session.ts";
import { decodeError, decodeNotice, FROM_SERVER, MessageReader, toServer } from "./messages.ts";
import { ScramExchange } from "./scram.ts";
import type { Wire } from "./wire.ts";

export interface Channel {
  address: HostAddress;
  isUnixSocket: boolean;
  isEncrypted: boolean;
  /** The server's certificate (DER) inside TLS. */
  certificate: Buffer | undefined;
}

export interface Authenticated {
  processId: number;
  secretKey: Buffer;
  parameters: Map<string, string>;
  status: TransactionStatus;
  /** As `SessionTarget.authentication`. */
  method: string;
  /** A password was configured and the server did not want it. */
  passwordUnused: boolean;
  /** What the server had to say while it started the session. */
  notices: readonly ServerNotice[];
}

/** A failed handshake, and whether credentials had left by then (a retry by another way would send them again). */
export class HandshakeFailure extends Error {
  override readonly cause: Error;
  readonly sentCredentials: boolean;

  constructor(cause: Error, sentCredentials: boolean) {
    super(cause.message);
    this.name = "HandshakeFailure";
    this.cause = cause;
    this.sentCredentials = sentCredentials;
  }
}

/** Method names of require_auth. */
export const AUTH_METHODS = ["password", "md5", "gss", "sspi", "scram-sha-256", "none"] as const;
type AuthMethod = (typeof AUTH_METHODS)[number];

/** 100: a server warns of a collation change or so while it starts a session, not more. */
const MAX_START_NOTICES = 100;

const AUTHENTICATION = {
  ok: 0,
  clearText: 3,
  md5: 5,
  gss: 7,
  gssContinue: 8,
  sspi: 9,
  sasl: 10,
  saslContinue: 11,
  saslFinal: 12,
};

/** Runs the handshake. Throws HandshakeFailure around a ServerError or PgkeepError. */
export async function authenticate(wire: Wire, settings: ConnectionSettings, channel: Channel): Promise<Authenticated> {
  const login = new Login(wire, settings, channel);
  try {
    return await login.run();
  } catch (error) {
    throw new HandshakeFailure(error instanceof Error ? error : new Error(String(error)), login.sentCredentials);
  }
}

class Login {
  sentCredentials = false;
  readonly #wire: Wire;
  readonly #settings: ConnectionSettings;
  readonly #channel: Channel;
  #method = "none";

  constructor(wire: Wire, settings: ConnectionSettings, channel: Channel) {
    this.#wire = wire;
    this.#settings = settings;
    this.#channel = channel;
  }

  async run(): Promise<Authenticated> {
    this.#wire.send(toServer.startup(startupParameters(this.#settings)));
    while (true) {
      const { code, reader } = await this.#nextRequest();
      if (code === AUTHENTICATION.ok) break;
      await this.#answer(code, reader);
    }
    this.#checkAccepted();
    this.#wire.trust();
    return this.#untilReady();
  }

  async #nextRequest(): Promise<{ code: number; reader: MessageReader }> {
    while (true) {
      const { type, body } = await this.#wire.next();
      if (type === FROM_SERVER.error) throw new ServerError(decodeError(body));
      if (type === FROM_SERVER.authentication) {
        const reader = new MessageReader(body);
        return { code: reader.int32(), reader };
      }
      // A notice at this point comes from somebody unproved: its text is not passed on.
      if (type !== FROM_SERVER.notice && type !== FROM_SERVER.negotiateVersion) throw unexpected();
    }
  }

  async #answer(code: number, reader: MessageReader): Promise<void> {
    if (this.#method !== "none") throw unexpected();
    if (code === AUTHENTICATION.clearText) return this.#answerClearText();
    if (code === AUTHENTICATION.md5) return this.#answerMd5(reader.bytes(4));
    if (code === AUTHENTICATION.sasl) return this.#answerSasl(readMechanisms(reader));
    if (code === AUTHENTICATION.gss || code === AUTHENTICATION.sspi) throw this.#refusal("gss");
    throw unexpected();
  }

  async #answerClearText(): Promise<void> {
    this.#require("password");
    const { isEncrypted, isUnixSocket, address } = this.#channel;
    const isNamed = namesMethod(this.#settings.requireAuth, "password");
    if (!isEncrypted && !isUnixSocket && !isNamed) {
      const message = `cannot send the password of "${this.#settings.user}" to ${address.host} in clear text`;
      throw new PgkeepError("CONNECT_CLEARTEXT_REFUSED", message, {
        detail: "The server asked for a cleartext password and the connection has no TLS.",
        state: "not connected",
        hint: "Use --sslmode verify-full, or set the server to scram-sha-256.",
      });
    }
    const password = await this.#password();
    this.#method = "password";
    this.#sendCredentials(toServer.password(password.expose()));
  }

  async #answerMd5(salt: Buffer): Promise<void> {
    this.#require("md5");
    const password = await this.#password();
    this.#method = "md5";
    const inner = md5Hex(Buffer.from(password.expose() + this.#settings.user, "utf8"));
    this.#sendCredentials(toServer.password(`md5${md5Hex(Buffer.concat([Buffer.from(inner, "latin1"), salt]))}`));
  }

  async #answerSasl(mechanisms: string[]): Promise<void> {
    this.#require("scram-sha-256");
    const isPlus = this.#choosesPlus(mechanisms);
    const password = await this.#password();
    const exchange = new ScramExchange({
      mechanism: isPlus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256",
      certificate: this.#channel.certificate,
      couldBind: this.#channel.certificate !== undefined && this.#settings.channelBinding !== "disable",
      password,
    });
    this.#method = isPlus ? "scram-sha-256-plus" : "scram-sha-256";
    const mechanism = isPlus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256";
    this.#sendCredentials(toServer.saslInitial(mechanism, exchange.first()));
    const answer = await this.#saslData(AUTHENTICATION.saslContinue);
    this.#wire.send(toServer.saslResponse(await exchange.final(answer)));
    exchange.verify(await this.#saslData(AUTHENTICATION.saslFinal));
  }

  async #saslData(expected: number): Promise<string> {
    const { code, reader } = await this.#nextRequest();
    if (code !== expected) throw unexpected();
    return reader.text(reader.remaining);
  }

  #choosesPlus(mechanisms: string[]): boolean {
    const { channelBinding } = this.#settings;
    const isOffered = mechanisms.includes("SCRAM-SHA-256-PLUS");
    if (isOffered && !this.#channel.isEncrypted) throw unexpected();
    if (isOffered && this.#channel.certificate && channelBinding !== "disable") return true;
    if (channelBinding === "require") throw bindingRefused("It offers SCRAM without channel binding.");
    if (mechanisms.includes("SCRAM-SHA-256")) return false;
    throw new PgkeepError("CONNECT_AUTH_REFUSED", "the server offers no SASL mechanism that pgkeep speaks", {
      detail: "pgkeep speaks SCRAM-SHA-256 and SCRAM-SHA-256-PLUS.",
      state: "not connected",
      hint: "Set password_encryption = scram-sha-256 on the server and set the password again.",
    });
  }

  /** Throws unless the settings allow `method` and, where binding is required, the method can bind. */
  #require(method: AuthMethod): void {
    if (!allowsMethod(this.#settings.requireAuth, method)) throw this.#refusal(method);
    if (this.#settings.channelBinding === "require" && method !== "scram-sha-256") {
      throw bindingRefused(`It uses the method "${method}", which cannot bind.`);
    }
  }

  #refusal(method: AuthMethod): PgkeepError {
    if (method === "gss") {
      return new PgkeepError("CONNECT_AUTH_REFUSED", "the server asks for GSSAPI, which pgkeep does not speak", {
        state: "not connected",
        hint: "Use an account with scram-sha-256 or a client certificate.",
      });
    }
    const asked = method === "none" ? "lets us in without any" : `asks for "${method}"`;
    return new PgkeepError("CONNECT_AUTH_REFUSED", `the server ${asked} authentication, which require_auth rules out`, {
      detail: `Accepted: ${this.#settings.requireAuth?.join(", ") ?? "all"}.`,
      state: "not connected",
      hint: "Check that this is your server, then change pg_hba.conf or --require-auth.",
    });
  }

  #checkAccepted(): void {
    const isPlus = this.#method === "scram-sha-256-plus";
    if (this.#settings.channelBinding === "require" && !isPlus) {
      throw bindingRefused("It accepted us without SCRAM.");
    }
    if (this.#method === "none" && !allowsMethod(this.#settings.requireAuth, "none")) throw this.#refusal("none");
  }

  async #password(): Promise<Secret> {
    const password = await this.#settings.password?.(this.#channel.address);
    if (password !== undefined && password.expose() !== "") return password;
    throw new PgkeepError("CONNECT_PASSWORD_MISSING", `no password for role "${this.#settings.user}"`, {
      detail: "The server asked for a password and none is configured.",
      state: "not connected",
      hint: "Set PGPASSWORD, add a line to the password file, or put the password into the connection string.",
    });
  }

  #sendCredentials(bytes: Buffer): void {
    this.sentCredentials = true;
    this.#wire.send(bytes);
  }

  async #untilReady(): Promise<Authenticated> {
    const parameters = new Map<string, string>();
    const notices: ServerNotice[] = [];
    let processId = 0;
    let secretKey: Buffer = Buffer.alloc(0);
    while (true) {
      const { type, body } = await this.#wire.next();
      const reader = new MessageReader(body);
      if (type === FROM_SERVER.error) throw new ServerError(decodeError(body));
      if (type === FROM_SERVER.notice && notices.length < MAX_START_NOTICES) notices.push(decodeNotice(body));
      if (type === FROM_SERVER.parameterStatus) takeParameter(parameters, reader);
      if (type === FROM_SERVER.backendKey) {
        processId = reader.int32();
        secretKey = Buffer.from(reader.bytes(reader.remaining));
      }
      if (type !== FROM_SERVER.ready) continue;
      return { processId, secretKey, parameters, status: statusOf(reader.byte()), notices, ...this.#proof() };
    }
  }

  #proof(): { method: string; passwordUnused: boolean } {
    const isUnused = this.#method === "none" && this.#settings.password !== undefined;
    return { method: this.#method, passwordUnused: isUnused };
  }
}

/** 200 settings: servers report about 15, and one that never stops must not fill memory. */
const MAX_PARAMETERS = 200;

/** Notes a setting that the server reports. Throws CONNECT_PROTOCOL when there are too many. */
export function takeParameter(parameters: Map<string, string>, reader: MessageReader): void {
  parameters.set(reader.cstring(), reader.cstring());
  if (parameters.size <= MAX_PARAMETERS) return;
  throw new PgkeepError("CONNECT_PROTOCOL", "the server reports too many settings", {
    detail: `It reported more than ${MAX_PARAMETERS}.`,
    hint: "Check that host and port name a PostgreSQL server, and no proxy changes the traffic.",
  });
}

/** The transaction status that ReadyForQuery carries. */
export function statusOf(byte: number): TransactionStatus {
  if (byte === 0x49) return "idle";
  return byte === 0x54 ? "transaction" : "failed";
}

/** Our own settings come last, because of two values for one setting the server keeps the later. */
function startupParameters(settings: ConnectionSettings): Record<string, string> {
  return {
    user: settings.user,
    database: settings.database,
    ...settings.serverSettings,
    application_name: settings.applicationName,
    client_encoding: "UTF8",
  };
}

function readMechanisms(reader: MessageReader): string[] {
  const mechanisms: string[] = [];
  while (reader.remaining > 1) mechanisms.push(reader.cstring());
  return mechanisms;
}

/** Whether a require_auth list allows `method`; "!method" entries allow all others. */
function allowsMethod(list: readonly string[] | undefined, method: AuthMethod): boolean {
  if (list === undefined || list.length === 0) return true;
  const isNegative = list.every((entry) => entry.startsWith("!"));
  return isNegative ? !list.includes(`!${method}`) : list.includes(method);
}

function namesMethod(list: readonly string[] | undefined, method: AuthMethod): boolean {
  return list?.includes(method) ?? false;
}

function md5Hex(data: Buffer): string {
  return createHash("md5").update(data).digest("hex");
}

function bindingRefused(detail: string): PgkeepError {
  return new PgkeepError(
    "CONNECT_AUTH_REFUSED",
    "the server's authentication has no channel binding, which is required",
    {
      detail,
      state: "not connected",
      hint: "Connect with TLS to a server that uses scram-sha-256, or use --channel-binding prefer.",
    },
  );
}

function unexpected(): PgkeepError {
  return new PgkeepError("CONNECT_PROTOCOL", "the server sent an authentication message out of order", {
    state: "not connected",
    hint: "Check that host and port name your PostgreSQL server.",
  });
}
