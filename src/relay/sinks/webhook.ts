/**
 * Webhooks: a signed POST per batch or per event; delivered when the endpoint says 2xx.
 *
 * One request is one unit: its whole batch is delivered or refused, and the engine halves a refused batch until the event
 * to blame is alone. `lanes` requests are on their way at once; events of one key are in one request or in
 * requests after each other, so a receiver sees them in order.
 *
 * The endpoint's status says whose fault a failure is. Refusing everybody (3xx, 401, 403), being away (502, 503, 504,
 * Cloudflare's 52x) or asking for patience (408, 425, 429) is the endpoint's; other 4xx and a plain 500 are about the message.
 * No answer in time is the message's only if others got theirs meanwhile, and not for the first time.
 */
import { createHash } from "node:crypto";
import type { z as Zod } from "zod";
import type { Clock } from "../../base/clock.ts";
import type { ZodNamespace } from "../../base/operation.ts";
import { type HttpClient, HttpFailure, openHttpClient } from "../../net/http-client.ts";
import { dial, dialTls, opened, type Socket, type Trust } from "../../net/sockets.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure } from "../failures.ts";
import { DELIVERED, type Delivery, type Disposition } from "../message.ts";
import { bounded, checkedText, pemField } from "../network.ts";
import { connectFailure, failureOf, refusalOf } from "../webhooks/outcomes.ts";
import { configuredHeaders, eventHeaders } from "../webhooks/request-headers.ts";
import { type OpenSignature, openSignature, signatureFields } from "../webhooks/signing.ts";
import { defineSink, type Sink } from "./sink.ts";

/** 1 MiB an event and 100 events a request are pg_tide's limits; 4 MiB a request, since every lane holds one in memory. */
const LIMITS = { batchMessages: 100, batchBytes: 4 * 1024 * 1024, messageBytes: 1024 * 1024 };

/** 10 s to connect when the pipeline starts. */
const PROBE_MS = 10_000;

/** 10,000 ids of messages that had no answer in time; then they are forgotten, which costs one attempt each. */
const MAX_WAITED = 10_000;

const LEGACY_HEADER = "X-Pg-Tide-Signature";

const config = (z: ZodNamespace) =>
  z
    .strictObject({
      url: checkedText(z.string().min(1).max(2_048), urlProblem).meta({ description: "Where to post: an https URL" }),
      body: z
        .enum(["array", "single"])
        .default("array")
        .meta({ description: "array: one request holds a JSON array of events; single: one request per event" }),
      timeout_secs: z
        .int()
        .min(1)
        .max(300)
        .default(30)
        .meta({ description: "How long a request may take, connecting and the whole answer included" }),
      lanes: z.int().min(1).max(256).default(16).meta({ description: "Requests on their way at once" }),
      headers: z
        .record(z.string(), z.string())
        .default({})
        .meta({ description: "Headers of every request; values may be references" }),
      ...signingFields(z),
      allow_http: z
        .boolean()
        .default(false)
        .meta({ description: "Permit http:// in the URL; counts only where the process permits it too" }),
      ...tlsFields(z),
    })
    .refine(({ signature, signing_secret: secret }) => signature === undefined || secret === undefined, {
      message: "give signature or signing_secret, not both",
    })
    .refine(({ tls_client_cert: cert, tls_client_key: key }) => (cert === undefined) === (key === undefined), {
      message: "tls_client_cert and tls_client_key go together",
    });

/** Without the URL, which may hold a password. */
function urlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "https:" && url?.protocol !== "http:") return "is not an https URL";
  if (url.username === "" && url.password === "") return undefined;
  return "holds a user or password: give an authorization header instead";
}

/** How the endpoint knows that a request is ours. */
function signingFields(z: ZodNamespace) {
  return {
    signature: z.strictObject(signatureFields(z)).optional().meta({ description: "How requests are signed" }),
    signing_secret: z
      .string()
      .min(1)
      .optional()
      .meta({ description: `Secret for HMAC-SHA256 in ${LEGACY_HEADER}, as a reference`, secret: true }),
    signing_algorithm: z
      .literal("hmac-sha256")
      .default("hmac-sha256")
      .meta({ description: "Goes with signing_secret" }),
  };
}

/** Whom to trust, and who we are. */
function tlsFields(z: ZodNamespace) {
  return {
    tls_ca_cert: z
      .string()
      .optional()
      .meta({ description: "PEM of the authority to trust, instead of the usual ones" }),
    tls_client_cert: z
      .string()
      .optional()
      .meta({ description: "PEM of our certificate, for endpoints that ask for one" }),
    tls_client_key: z.string().optional().meta({ description: "PEM of its key, as a reference", secret: true }),
  };
}

type Config = Zod.output<ReturnType<typeof config>>;

export default defineSink({
  type: "webhook",
  summary: "HTTPS endpoints: signed POST requests with an Idempotency-Key",
  config,
  guarantees: {
    order: "Per order key: requests that hold events of one key follow each other.",
    duplicates:
      "Idempotency-Key is the same every time an event is sent alone, and in the body each event carries its dedup_key.",
    acknowledgement: "The endpoint answered with a status from 200 to 299.",
  },
  limits: LIMITS,
  lanes: ({ lanes }) => lanes,
  batchMessages: ({ body }) => (body === "single" ? 1 : LIMITS.batchMessages),
  subject: () => undefined,
  wrapsNative: true,
  open: openWebhook,
});

async function openWebhook(settings: Config, context: ConnectorContext): Promise<Sink> {
  const url = permittedUrl(settings, context);
  const { headers, problem } = configuredHeaders(settings.headers);
  if (problem) throw new ConnectorFailure("invalid_config", problem);
  const signature = await openSinkSignature(settings);
  const client = await openClient(url, settings, context);
  await probe(url, settings, context);
  return new WebhookSink({ client, clock: context.clock, isSingle: settings.body === "single", headers, signature });
}

function permittedUrl({ url: text, allow_http: wantsHttp }: Config, { allowInsecure }: ConnectorContext): URL {
  const url = new URL(text);
  if (url.protocol === "https:" || (wantsHttp && allowInsecure)) return url;
  throw new ConnectorFailure(
    "invalid_config",
    wantsHttp
      ? "allow_http is asked for, but the relay process does not permit it (--allow-insecure)"
      : '"url" is plain http: use https, or allow_http for tests',
  );
}

async function openSinkSignature({ signature, signing_secret: secret }: Config): Promise<OpenSignature | undefined> {
  if (signature) return openSignature(signature, "sign");
  if (secret === undefined) return undefined;
  return openSignature({ scheme: "hmac-sha256", secret, header: LEGACY_HEADER }, "sign");
}

/**
 * Connects once, so that a wrong name, a forbidden address or a certificate that does not verify is known before an event
 * waits for it. Nothing is posted: no request is harmless everywhere.
 */
async function probe(url: URL, settings: Config, { addresses, signal }: ConnectorContext): Promise<void> {
  const isTls = url.protocol === "https:";
  const peer = { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(url.port) || (isTls ? 443 : 80) };
  const timeoutMs = Math.min(settings.timeout_secs * 1_000, PROBE_MS);
  let socket: Socket | undefined;
  try {
    socket = isTls ? dialTls(peer, trustOf(settings), addresses) : dial(peer, addresses);
    const what = `connecting to ${peer.host}`;
    await bounded(opened(socket, isTls ? "secureConnect" : "connect"), { timeoutMs, signal, what });
  } catch (error) {
    if (error instanceof ConnectorFailure) throw error;
    throw connectFailure(error);
  } finally {
    socket?.on("error", () => undefined).destroy();
  }
}

function trustOf({ tls_ca_cert: ca, tls_client_cert: cert, tls_client_key: key }: Config): Trust {
  return {
    ca: pemField(ca, "tls_ca_cert"),
    cert: pemField(cert, "tls_client_cert"),
    key: pemField(key, "tls_client_key"),
  };
}

async function openClient(url: URL, settings: Config, { addresses }: ConnectorContext): Promise<HttpClient> {
  const { timeout_secs: seconds, lanes } = settings;
  const tls = trustOf(settings);
  try {
    return await openHttpClient({ url, addresses, connections: lanes, timeoutMs: seconds * 1_000, tls });
  } catch {
    throw new ConnectorFailure(
      "invalid_config",
      "tls_ca_cert, tls_client_cert or tls_client_key cannot be used: not PEM, or not a pair",
    );
  }
}

interface SinkParts {
  client: HttpClient;
  clock: Clock;
  isSingle: boolean;
  headers: Readonly<Record<string, string>>;
  signature: OpenSignature | undefined;
}

/** 2 s for requests that are on their way when the sink closes. */
const CLOSE_MS = 2_000;

class WebhookSink implements Sink {
  readonly #parts: SinkParts;
  /** Names and values of every request, in turn. */
  readonly #common: readonly string[];
  /** Names that an event cannot set. */
  readonly #taken: ReadonlySet<string>;
  #lastSuccessMs = Number.NEGATIVE_INFINITY;
  readonly #waited = new Set<string>();

  constructor(parts: SinkParts) {
    this.#parts = parts;
    const own = { "user-agent": "pgkeep-relay", accept: "*/*", "accept-encoding": "identity" };
    const common = { ...own, ...parts.headers };
    this.#common = Object.entries(common).flat();
    this.#taken = new Set([...Object.keys(common), "idempotency-key"]);
  }

  async send(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Disposition[]> {
    const [only] = batch;
    if (batch.length === 1 && only) return [isSmallEnough(only) ? await this.#post(batch, signal) : TOO_LARGE];
    const fitting = batch.filter(isSmallEnough);
    const outcomes = new Map<Delivery, Disposition>();
    if (this.#parts.isSingle) {
      await Promise.all(byKey(fitting).map((chain) => this.#postChain(chain, signal, outcomes)));
    } else if (fitting.length > 0) {
      const outcome = await this.#post(fitting, signal);
      if (fitting.length === batch.length) return batch.map(() => outcome);
      for (const delivery of fitting) outcomes.set(delivery, outcome);
    }
    return batch.map((delivery) => outcomes.get(delivery) ?? (isSmallEnough(delivery) ? NOT_SENT : TOO_LARGE));
  }

  async close(): Promise<void> {
    await this.#parts.client.close(CLOSE_MS);
  }

  /** One after the other; what comes after a failure of its key is left for later. */
  async #postChain(
    chain: readonly Delivery[],
    signal: AbortSignal,
    outcomes: Map<Delivery, Disposition>,
  ): Promise<void> {
    for (const delivery of chain) {
      const outcome = await this.#post([delivery], signal);
      outcomes.set(delivery, outcome);
      if (outcome !== DELIVERED) return;
    }
  }

  async #post(batch: readonly Delivery[], signal: AbortSignal): Promise<Disposition> {
    const { client, clock, isSingle } = this.#parts;
    if (!isSingle && batch.some(({ contentType: type }) => !/[/+]json\b/.test(type))) return NOT_JSON;
    const body = this.#bodyOf(batch);
    const startedMs = clock.monotonicMs();
    try {
      const response = await client.post({ headers: this.#headersOf(batch, body), body, signal });
      if (response.status >= 200 && response.status < 300) {
        this.#lastSuccessMs = clock.monotonicMs();
        return DELIVERED;
      }
      return refusalOf(response, body, clock);
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      const othersSucceeded = this.#lastSuccessMs >= startedMs;
      const isAgain = error.kind === "timeout" && this.#hasWaitedBefore(batch);
      return failureOf(error, othersSucceeded && isAgain);
    }
  }

  /**
   * Whether the first of these has waited in vain before. One such wait may be the connection's, which has died without a
   * word while others live; the next goes over a new one.
   */
  #hasWaitedBefore([first]: readonly Delivery[]): boolean {
    const key = first?.message.dedupKey ?? "";
    if (this.#waited.has(key)) return true;
    if (this.#waited.size >= MAX_WAITED) this.#waited.clear();
    this.#waited.add(key);
    return false;
  }

  #bodyOf(batch: readonly Delivery[]): Buffer {
    const [first] = batch;
    if (this.#parts.isSingle && first) return bufferOf(first.body ?? "null");
    return Buffer.from(`[${batch.map(({ body }) => body ?? "null").join(",")}]`);
  }

  #headersOf(batch: readonly Delivery[], body: Buffer): string[] {
    const { isSingle, clock, signature } = this.#parts;
    const id = idempotencyKey(batch);
    const [first] = batch;
    const headers = [...this.#common, "content-type", contentType(first, isSingle), "idempotency-key", id];
    if (signature) {
      const { definition, secrets, options } = signature;
      const timestamp = Math.floor(clock.now().getTime() / 1_000);
      const signed = definition.sign?.({ id, timestamp, body }, secrets, options) ?? {};
      for (const [name, value] of Object.entries(signed)) headers.push(name, value);
    }
    if (isSingle && first) headers.push(...eventHeaders(first.headers, this.#taken));
    return headers;
  }
}

/** The event's own id, or for several a hash over theirs, each after its length, so that no two batches are alike. */
export function idempotencyKey(batch: readonly Delivery[]): string {
  const [first] = batch;
  if (batch.length === 1 && first) {
    // The tombstone after a delete is another request than the delete.
    return first.body === null ? `${first.message.dedupKey}:tombstone` : first.message.dedupKey;
  }
  const hash = createHash("sha256");
  for (const { message } of batch) {
    const key = Buffer.from(message.dedupKey);
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(key.length));
    hash.update(length).update(key);
  }
  return `batch-${hash.digest("hex")}`;
}

function byKey(batch: readonly Delivery[]): Delivery[][] {
  const chains = new Map<string, Delivery[]>();
  for (const delivery of batch) {
    const chain = chains.get(delivery.orderKey);
    if (chain) chain.push(delivery);
    else chains.set(delivery.orderKey, [delivery]);
  }
  return [...chains.values()];
}

function bufferOf(body: string | Buffer): Buffer {
  return typeof body === "string" ? Buffer.from(body) : body;
}

function contentType(first: Delivery | undefined, isSingle: boolean): string {
  const type = first?.contentType ?? "application/json";
  if (isSingle) return type;
  return type.startsWith("application/cloudevents+json") ? "application/cloudevents-batch+json" : "application/json";
}

function isSmallEnough({ bytes }: Delivery): boolean {
  return bytes <= LIMITS.messageBytes;
}

const TOO_LARGE: Disposition = {
  outcome: "reject",
  class: "message_too_large",
  scope: "message",
  reason: `the event is larger than ${LIMITS.messageBytes} bytes`,
};

/** The wire format writes something else, of which no array can be made. */
const NOT_JSON: Disposition = {
  outcome: "reject",
  class: "invalid_config",
  scope: "sink",
  reason: 'the wire format does not write JSON: post one event per request, with body "single"',
};

/** An earlier event of its key was not delivered, so this one was not sent. */
const NOT_SENT: Disposition = {
  outcome: "retry",
  class: "unknown",
  scope: "sink",
  reason: "not sent, because an earlier event of its key was not delivered",
};
