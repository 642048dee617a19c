/**
 * Settings to session: which host, with or without TLS, how often.
 *
 * Three loops around one handshake. Retries: up to three more rounds over all hosts, only for failures that pass.
 * Hosts: in the order given (or shuffled), until one answers with the role that is asked for. Encryption: `prefer` and
 * `allow` may try the other way once, and only while no credentials have left, so a password is never sent a second time
 * over a weaker line. One host's attempt, name resolution to "ready", has one time limit.
 */
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import { type RetryPolicy, retryDelayMs } from "../../base/retry.ts";
import {
  type ConnectionSettings,
  type HostAddress,
  ServerError,
  type ServerNotice,
  type Session,
  type SessionTarget,
} from "../session.ts";
import { type Authenticated, authenticate, HandshakeFailure } from "./authenticate.ts";
import { type DialOptions, dial, isSocketDirectory, type Line, placeOf, shuffled, TlsAttemptFailed } from "./dial.ts";
import { type ConnectFailure, explainFailure, timedOut } from "./failures.ts";
import { sessionLine } from "./line.ts";
import { toServer } from "./messages.ts";
import { verifiesServer } from "./tls.ts";
import { Wire } from "./wire.ts";
import { WireSession } from "./wire-session.ts";

export { RESTORE_SEARCH_PATH } from "./wire-session.ts";

/** 3 more attempts after the first, 100, 200 and 400 ms apart: covers a restart's moment, not an outage. */
export const MAX_RETRIES = 3;
const RETRY_POLICY: RetryPolicy = { firstMs: 100, maxMs: 60_000, jitter: 0.1 };

/** 2 s for a cancel request: longer and the caller had better hang up. */
const CANCEL_LIMIT_MS = 2_000;

/** 1 s: a server from version 14 looks this often whether we still exist, and ends the statement when not. */
const CONNECTION_CHECK_MS = 1_000;

export interface OpenOptions {
  signal: AbortSignal;
  clock: Clock;
  onNotice?: ((notice: ServerNotice) => void) | undefined;
  /** Before each retry: which one (1 to 3), how long the wait is, and why. */
  onRetry?: ((retry: { attempt: number; delayMs: number; error: PgkeepError }) => void) | undefined;
  /** Something about the connection that its owner should know. */
  warn?: ((message: string) => void) | undefined;
}

/** Connects. Throws PgkeepError (CONNECT_...), or the signal's reason when it aborts first. */
export async function openSession(settings: ConnectionSettings, options: OpenOptions): Promise<Session> {
  const startedMs = options.clock.monotonicMs();
  for (let attempt = 0; ; attempt++) {
    const outcome = await tryHosts(settings, options);
    if (!("error" in outcome)) return outcome;
    if (!outcome.isTransient || attempt >= MAX_RETRIES) {
      throw withEffort(outcome.error, { attempts: attempt + 1, elapsedMs: options.clock.monotonicMs() - startedMs });
    }
    const delayMs = retryDelayMs(attempt, RETRY_POLICY);
    options.onRetry?.({ attempt: attempt + 1, delayMs, error: outcome.error });
    await sleep(delayMs, options.signal);
  }
}

/** Says how often and how long it was tried, when it was more than once. */
function withEffort(error: PgkeepError, { attempts, elapsedMs }: { attempts: number; elapsedMs: number }): PgkeepError {
  if (attempts === 1) return error;
  const effort = `Tried ${attempts} times in ${(elapsedMs / 1_000).toFixed(1)} s.`;
  const detail = error.parts.detail === undefined ? effort : `${effort} ${error.parts.detail}`;
  return new PgkeepError(error.code, error.message, { ...error.parts, detail });
}

async function tryHosts(settings: ConnectionSettings, options: OpenOptions): Promise<WireSession | ConnectFailure> {
  const hosts = settings.loadBalanceHosts ? shuffled(settings.hosts) : settings.hosts;
  // prefer-standby: first any standby, then whoever answers.
  const passes = settings.targetSessionAttrs === "prefer-standby" ? ["standby", "any"] : [settings.targetSessionAttrs];
  const failures: ConnectFailure[] = [];
  for (const role of passes) {
    for (const address of hosts) {
      const outcome = await tryHost({ settings, address, role, options });
      if (!("error" in outcome)) return outcome;
      failures.push(outcome);
      if (isFinal(outcome.error)) return outcome;
    }
  }
  return summary(failures);
}

/** Whoever answered so will answer so elsewhere too, and a password is not to be shown around. */
function isFinal(error: PgkeepError): boolean {
  return ["CONNECT_PASSWORD_REJECTED", "CONNECT_TLS_FILE", "CONFIG_VALUE_INVALID"].includes(error.code);
}

function summary(failures: ConnectFailure[]): ConnectFailure {
  const last = failures.at(-1);
  if (!last)
    throw new PgkeepError("CONFIG_TARGET_MISSING", "no host to connect to", { hint: "Name one with -h HOST." });
  if (failures.length === 1) return last;
  const reasons = [...new Set(failures.map(({ error }) => error.message))].join("; ");
  const { parts } = last.error;
  const error = new PgkeepError(last.error.code, last.error.message, { ...parts, detail: `Tried: ${reasons}.` });
  return { error, isTransient: failures.some(({ isTransient }) => isTransient) };
}

interface Attempt {
  settings: ConnectionSettings;
  address: HostAddress;
  /** target_session_attrs for this pass. */
  role: string;
  options: OpenOptions;
}

async function tryHost(attempt: Attempt): Promise<WireSession | ConnectFailure> {
  const { settings, address, options } = attempt;
  const { signal, cancel } = withTimeLimit(options.signal, settings.connectTimeoutMs);
  try {
    const session = await connectEitherWay(attempt, signal);
    return await acceptRole(session, attempt.role);
  } catch (error) {
    options.signal.throwIfAborted();
    if (signal.aborted) return { error: timedOut({ settings, address }), isTransient: true };
    return explainFailure(error, { settings, address });
  } finally {
    cancel();
  }
}

/** A signal that also aborts after `limitMs` (0: never). `cancel` stops the timer. */
function withTimeLimit(outer: AbortSignal, limitMs: number): { signal: AbortSignal; cancel: () => void } {
  const limit = new AbortController();
  const timer = limitMs > 0 ? setTimeout(() => limit.abort(new Error("time limit")), limitMs) : undefined;
  return { signal: AbortSignal.any([outer, limit.signal]), cancel: () => clearTimeout(timer) };
}

type Encryption = DialOptions["encryption"];

/** The ways to connect, in order. The second is tried only where the mode allows it. */
function encryptionsOf({ sslMode }: ConnectionSettings, address: HostAddress): [Encryption, Encryption?] {
  if (isSocketDirectory(address.host) || sslMode === "disable") return ["never"];
  if (sslMode === "allow") return ["never", "always"];
  return sslMode === "prefer" ? ["ask", "never"] : ["always"];
}

async function connectEitherWay(attempt: Attempt, signal: AbortSignal): Promise<WireSession> {
  const [first, second] = encryptionsOf(attempt.settings, attempt.address);
  try {
    return await connectOnce(attempt, first, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (second === undefined || !mayTryOtherWay(error, first)) throw error;
    return await connectOnce(attempt, second, signal);
  }
}

/**
 * `prefer` without TLS: after a failed negotiation or handshake, or a refusal by the server's rules. `allow` with TLS:
 * after such a refusal. Never once credentials have left, and never because a password was wrong.
 */
function mayTryOtherWay(error: unknown, first: Encryption): boolean {
  if (error instanceof HandshakeFailure) {
    const { cause, sentCredentials } = error;
    return !sentCredentials && cause instanceof ServerError && cause.sqlstate === "28000";
  }
  return first === "ask" && error instanceof TlsAttemptFailed;
}

async function connectOnce(attempt: Attempt, encryption: Encryption, signal: AbortSignal): Promise<WireSession> {
  const { settings, address, options } = attempt;
  const line = await dial({ settings, address, encryption, signal });
  const wire = new Wire(line.socket);
  const abandon = () => wire.destroy();
  signal.addEventListener("abort", abandon, { once: true });
  try {
    const authenticated = await authenticate(wire, settings, {
      address,
      isUnixSocket: "path" in line.endpoint,
      isEncrypted: line.tls !== undefined,
      certificate: line.tls?.getPeerCertificate().raw,
    });
    if (authenticated.passwordUnused) warnUnusedPassword(attempt, line);
    for (const notice of authenticated.notices) options.onNotice?.(notice);
    const session = new WireSession({
      wire,
      target: targetOf(attempt, line, authenticated),
      line: sessionLine(line, settings),
      authenticated,
      onNotice: options.onNotice,
      cancel: () => sendCancel({ settings, address, line, authenticated }),
    });
    session.prepare("SET search_path = pg_catalog", preparationFor(session.serverVersion));
    return session;
  } catch (error) {
    wire.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", abandon);
  }
}

function preparationFor(serverVersion: number): string[] {
  // Servers on systems without the means refuse the setting, and then do without.
  return serverVersion >= 140_000 ? [`SET client_connection_check_interval = ${CONNECTION_CHECK_MS}`] : [];
}

function warnUnusedPassword({ settings, address, options }: Attempt, line: Line): void {
  // A client certificate is a proof as well, and the server does not say that it took it for one.
  if ("path" in line.endpoint || (line.tls && settings.tlsFiles.cert !== undefined)) return;
  options.warn?.(
    `the server on ${placeOf(address)} let role "${settings.user}" in without asking for the password that is configured; use --require-auth scram-sha-256 to refuse such servers`,
  );
}

function targetOf({ settings, address }: Attempt, { tls }: Line, authenticated: Authenticated): SessionTarget {
  const isVerified = verifiesServer(settings);
  const isCertificate = authenticated.method === "none" && tls !== undefined && settings.tlsFiles.cert !== undefined;
  return {
    host: address.host,
    port: address.port,
    user: settings.user,
    database: settings.database,
    tls: tls ? { protocol: tls.getProtocol() ?? "unknown", verified: isVerified } : undefined,
    authentication: isCertificate ? "cert" : authenticated.method,
  };
}

/** Keeps the session when the server has the wanted role; ends it and reports CONNECT_WRONG_SERVER otherwise. */
async function acceptRole(session: WireSession, role: string): Promise<WireSession | ConnectFailure> {
  if (await hasRole(session, role)) return session;
  const place = placeOf(session.target);
  await session.close();
  return {
    error: new PgkeepError("CONNECT_WRONG_SERVER", `the server on ${place} is not ${role}`, {
      state: "not connected",
      hint: "Check target_session_attrs and the list of hosts.",
    }),
    isTransient: false,
  };
}

async function hasRole(session: WireSession, role: string): Promise<boolean> {
  if (role === "any") return true;
  const isStandby = (await setting(session, "in_hot_standby")) === "on";
  if (role === "primary") return !isStandby;
  if (role === "standby") return isStandby;
  const isReadOnly = isStandby || (await setting(session, "default_transaction_read_only")) === "on";
  return role === "read-only" ? isReadOnly : !isReadOnly;
}

/** Servers from version 14 announce these settings; a proxy in between may not. */
async function setting(
  session: WireSession,
  name: "in_hot_standby" | "default_transaction_read_only",
): Promise<string> {
  const announced = session.parameterStatus(name);
  if (announced !== undefined) return announced;
  const [row] = await session.query(`SHOW ${name}`);
  return row?.[name] ?? "off";
}

interface Cancellation {
  settings: ConnectionSettings;
  address: HostAddress;
  line: Line;
  authenticated: Authenticated;
}

/** A connection of its own, encrypted exactly when the session is. The server closes it when it has the request. */
async function sendCancel({ settings, address, line, authenticated }: Cancellation): Promise<void> {
  const signal = AbortSignal.timeout(CANCEL_LIMIT_MS);
  const encryption = line.tls ? "always" : "never";
  const { socket } = await dial({ settings, address, encryption, signal, endpoint: line.endpoint });
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()).on("error", () => resolve()));
  signal.addEventListener("abort", () => socket.destroy(), { once: true });
  socket.resume().write(toServer.cancel(authenticated.processId, authenticated.secretKey));
  await closed;
}
