/**
 * Posts to one endpoint over connections that are kept, and believes nothing it answers.
 *
 * Every connection is checked by the address policy when it is made, and goes to an address that was checked. Redirects
 * are not followed and proxies of the environment are not used: both would lead to an address that nobody checked.
 * One time limit covers everything, from waiting for a connection to the last byte of the answer. Of an answer at most
 * KEPT_BYTES are kept and READ_BYTES read, then the connection is destroyed; nothing is ever inflated.
 *
 * The status decides. When it has arrived and the rest does not, the answer counts, without the rest.
 */
import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { buildConnector, Dispatcher, Pool } from "undici";
import { errorCodeOf } from "../base/errors.ts";
import type { AddressPolicy } from "./address-policy.ts";

/** 4 KiB of an answer are kept, for people. */
export const KEPT_BYTES = 4 * 1024;
/** 64 KiB of an answer are read, so that a connection can be used again after a wordy one. */
export const READ_BYTES = 64 * 1024;
/** 16 KiB of headers of an answer. */
const HEADER_BYTES = 16 * 1024;
/** 10 s to connect, TLS included, when the whole time is longer. */
const CONNECT_MS = 10_000;
/** 30 s without use; a shorter time that the endpoint announces counts instead. */
const KEEP_ALIVE_MS = 30_000;

/** PEM texts. Without `ca` the authorities that Node trusts count. */
export interface ClientTls {
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  passphrase?: string | undefined;
}

export interface HttpClientOptions {
  url: URL;
  addresses: AddressPolicy;
  /** Connections at most; further requests wait for one. */
  connections: number;
  /** For one request, all in all. */
  timeoutMs: number;
  tls?: ClientTls | undefined;
}

export interface HttpPost {
  /** Names and values in turn, names in lower case. */
  headers: string[];
  body: Buffer;
  signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  status: number;
  retryAfter: string | undefined;
  /** The first KEPT_BYTES of the body, as text. */
  text: string;
}

/** Why there is no answer. `cause` has the reason's own error where there is one. */
export class HttpFailure extends Error {
  readonly kind: "timeout" | "aborted" | "broken";

  constructor(kind: HttpFailure["kind"], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "HttpFailure";
    this.kind = kind;
  }
}

export interface HttpClient {
  /** Resolves with whatever status arrives. Rejects with HttpFailure. */
  post(request: HttpPost): Promise<HttpResponse>;
  /** Ends connections; what is on its way for longer than `graceMs` is cut. Never throws. */
  close(graceMs: number): Promise<void>;
}

/** Connects with the first request. Throws what the TLS library says of unusable certificates and keys. */
export async function openHttpClient(options: HttpClientOptions): Promise<HttpClient> {
  const { url, addresses, connections, timeoutMs, tls = {} } = options;
  createSecureContext(tls);
  // A bundle without a certificate is taken without a word, and nobody trusted then.
  if (tls.ca !== undefined) new X509Certificate(tls.ca);
  const undici = await import("undici");
  const connect = undici.buildConnector({
    ...tls,
    timeout: Math.min(timeoutMs, CONNECT_MS),
    lookup: addresses.lookup,
    // Both said, so that no variable of the environment changes them.
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
    allowH2: false,
  });
  const makePool = () =>
    new undici.Pool(url.origin, {
      connections,
      pipelining: 1,
      connect: guarded(connect, addresses),
      maxHeaderSize: HEADER_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The one limit of each request is `timeoutMs`.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  return new PooledClient(makePool, `${url.pathname}${url.search}`, timeoutMs);
}

class PooledClient implements HttpClient {
  readonly #makePool: () => Pool;
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #abortable = new Abortable();
  #pool: Pool;

  constructor(makePool: () => Pool, path: string, timeoutMs: number) {
    this.#makePool = makePool;
    this.#pool = makePool();
    this.#path = path;
    this.#timeoutMs = timeoutMs;
  }

  post({ headers, body, signal }: HttpPost): Promise<HttpResponse> {
    if (signal?.aborted) return Promise.reject(new HttpFailure("aborted", "the request was given up"));
    return new Promise((resolve, reject) => {
      const pool = this.#pool;
      const abortable = signal && this.#abortable.of(signal);
      const fail = (failure: HttpFailure) => {
        if (failure.kind === "timeout") this.#replace(pool);
        reject(failure);
      };
      const exchange = new Exchange({ timeoutMs: this.#timeoutMs, abortable, resolve, reject: fail });
      pool.dispatch({ method: "POST", path: this.#path, headers, body }, exchange);
    });
  }

  /**
   * Leaves every connection that was open when an answer did not come: where one has died without a word the others
   * have too, and each would cost the same message another attempt. What is on its way there may still be answered.
   */
  #replace(silent: Pool): void {
    if (silent !== this.#pool) return;
    this.#pool = this.#makePool();
    silent.close().catch(() => undefined);
  }

  async close(graceMs: number): Promise<void> {
    const closed = this.#pool.close();
    let timer: NodeJS.Timeout | undefined;
    // A pool that is destroyed while it closes says so on the second call only.
    const cut = new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => this.#pool.destroy().then(resolve, reject), graceMs);
    });
    await Promise.race([closed, cut]).catch(() => undefined);
    clearTimeout(timer);
  }
}

/** What is on its way under each signal: one listener for all of it, since hundreds share the signal of their pipeline. */
class Abortable {
  readonly #bySignal = new WeakMap<AbortSignal, Set<Exchange>>();

  of(signal: AbortSignal): Set<Exchange> {
    const known = this.#bySignal.get(signal);
    if (known) return known;
    const exchanges = new Set<Exchange>();
    this.#bySignal.set(signal, exchanges);
    const abort = () => {
      for (const exchange of exchanges) exchange.abort();
    };
    signal.addEventListener("abort", abort, { once: true });
    return exchanges;
  }
}

/** Checks the spelling at every connection; the lookup checks every address that a name leads to. */
function guarded(connect: buildConnector.connector, addresses: AddressPolicy): buildConnector.connector {
  return (options, callback) => {
    try {
      const { hostname, port, protocol } = options;
      addresses.checkHost(hostname, port === "" ? (protocol === "https:" ? 443 : 80) : Number(port));
    } catch (error) {
      callback(error instanceof Error ? error : new Error("the address guard failed"), null);
      return;
    }
    connect(options, callback);
  };
}

interface ExchangeOptions {
  timeoutMs: number;
  /** Those that end when the caller gives up. */
  abortable: Set<Exchange> | undefined;
  resolve(response: HttpResponse): void;
  reject(failure: HttpFailure): void;
}

/** One request and its answer. Settles once; what comes later is dropped. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #failure: HttpFailure | undefined;
  #status = 0;
  #retryAfter: string | undefined;
  #kept: Buffer[] = [];
  #readBytes = 0;
  #isSettled = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { timeoutMs, abortable } = options;
    const late = () => this.#end(new HttpFailure("timeout", `no answer within ${timeoutMs / 1_000} s`));
    this.#timer = setTimeout(late, timeoutMs);
    abortable?.add(this);
  }

  abort(): void {
    this.#end(new HttpFailure("aborted", "the request was given up"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The time passed while the request waited for a connection.
    if (this.#failure) controller.abort(this.#failure);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.#status = status;
    const retryAfter = headers["retry-after"];
    this.#retryAfter = typeof retryAfter === "string" ? retryAfter : undefined;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const room = KEPT_BYTES - this.#readBytes;
    if (room > 0) this.#kept.push(chunk.subarray(0, room));
    this.#readBytes += chunk.length;
    if (this.#readBytes > READ_BYTES) controller.abort(new HttpFailure("broken", "the answer is too long"));
  }

  onResponseEnd(): void {
    this.#settle(undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle(this.#failure ?? failureOf(error));
  }

  #end(failure: HttpFailure): void {
    if (this.#isSettled) return;
    this.#failure = failure;
    this.#controller?.abort(failure);
    this.#settle(failure);
  }

  #settle(failure: HttpFailure | undefined): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#options.abortable?.delete(this);
    if (failure && this.#status === 0) this.#options.reject(failure);
    else this.#options.resolve({ status: this.#status, retryAfter: this.#retryAfter, text: this.#text() });
  }

  #text(): string {
    return this.#kept.length === 0 ? "" : Buffer.concat(this.#kept).toString("utf8");
  }
}

function failureOf(error: Error): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const isTimeout = errorCodeOf(error) === "UND_ERR_CONNECT_TIMEOUT";
  return new HttpFailure(isTimeout ? "timeout" : "broken", error.message, error);
}

/** A day: whoever asks for more is asked again tomorrow. */
const MAX_RETRY_AFTER_MS = 86_400_000;

/** The wait that a Retry-After header asks for, in seconds or as a date; undefined when it is neither. At most a day. */
export function retryAfterMs(text: string | undefined, now: Date): number | undefined {
  if (text === undefined) return undefined;
  const trimmed = text.trim();
  if (/^\d{1,9}$/.test(trimmed)) return Math.min(Number(trimmed) * 1_000, MAX_RETRY_AFTER_MS);
  // Only the forms of HTTP, each of which begins with a weekday: Date.parse alone takes nearly everything.
  const at = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? [\w :,-]{10,40}$/.test(trimmed)
    ? Date.parse(httpDate(trimmed))
    : Number.NaN;
  if (Number.isNaN(at)) return undefined;
  return Math.min(Math.max(0, at - now.getTime()), MAX_RETRY_AFTER_MS);
}

/** asctime() writes no zone; HTTP means UTC. */
function httpDate(text: string): string {
  return /GMT$/.test(text) ? text : `${text} GMT`;
}
