/**
 * Webhook receiver: takes signed POST requests and answers 200 when the event is committed.
 *
 * Order of what is checked: path, method, rate and size by the head alone; then the signature over the exact bytes; then that they
 * are JSON. Only then is anybody else asked. A sender that hears 200 may forget the event; on everything else it
 * sends again, and the inbox knows the event by its id. Without a signature scheme the pipeline does not start unless
 * it says `allow_unsigned`.
 *
 * A request can be replayed within the tolerance of its timestamp (both ways), and then has the same id. Schemes without
 * a timestamp have the inbox's memory of ids alone.
 */
import type { z as Zod } from "zod";
import { messageOf, PgkeepError } from "../../base/errors.ts";
import type { ZodNamespace } from "../../base/operation.ts";
import type { HttpAnswer } from "../../net/http-answer.ts";
import type { HttpServerTls } from "../../net/http-listen.ts";
import type { RequestHead } from "../../net/http-request.ts";
import type { BodyRoute } from "../../net/http-server.ts";
import { RequestRate } from "../../net/request-rate.ts";
import { listenShared, type Registration } from "../../net/shared-listener.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure } from "../failures.ts";
import { pemField } from "../network.ts";
import { names } from "../signatures/names.ts";
import { SignatureFailure } from "../signatures/signature.ts";
import { jsonProblem } from "../webhooks/json-body.ts";
import {
  DEFAULT_TOLERANCE_SECONDS,
  type OpenSignature,
  openSignature,
  type SignatureSettings,
  signatureFields,
} from "../webhooks/signing.ts";
import { type Deliver, defineSource, type Incoming, type IncomingOutcome, type Source } from "./source.ts";

/** 16 MiB: more than any sender's limit; memory is held for each request. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** 255 characters of an event's id. */
const MAX_ID_LENGTH = 255;

const HEADER_NAME = /^[A-Za-z0-9-]{1,64}$/;

const config = (z: ZodNamespace) =>
  z
    .strictObject({
      listen_addr: z
        .string()
        .default("127.0.0.1:8080")
        .meta({ description: "Address and port; this machine only unless said otherwise, [::]:8080 for all" }),
      path: z
        .string()
        .regex(/^\/[\x21-\x22\x24-\x3e\x40-\x7e]{0,255}$/, "must begin with / and hold no spaces, ? or #")
        .default("/")
        .meta({ description: "Path of the endpoint; pipelines that listen on one address differ by it" }),
      ...proofFields(z),
      idempotency_header: z.string().regex(HEADER_NAME).nullish().meta({
        description: "Header with the event's id, for schemes that have none; Idempotency-Key is looked at after it",
      }),
      duplicate_status: z
        .union([z.literal(200), z.literal(409)])
        .default(200)
        .meta({ description: "Answer to an event that is there already" }),
      max_body_size: z.int().min(1).max(MAX_BODY_BYTES).default(1_048_576).meta({ description: "Bytes of one event" }),
      max_requests_per_second: z
        .int()
        .min(0)
        .max(100_000)
        .default(1_000)
        .meta({ description: "Requests of one client address before it is answered 429; 0 for no limit" }),
      ...tlsFields(z),
    })
    .refine(({ tls_cert: cert, tls_key: key }) => (cert === undefined) === (key === undefined), {
      message: "tls_cert and tls_key go together",
    })
    .refine(({ tls_client_ca: authority, tls_cert: cert }) => authority === undefined || cert !== undefined, {
      message: "tls_client_ca needs tls_cert and tls_key",
    });

/** How a sender proves who it is. */
function proofFields(z: ZodNamespace) {
  return {
    signature: z
      .strictObject({
        ...signatureFields(z),
        tolerance_seconds: z
          .int()
          .min(1)
          .max(3_600)
          .default(DEFAULT_TOLERANCE_SECONDS)
          .meta({ description: "How far a sender's clock may be off, either way" }),
      })
      .optional()
      .meta({ description: "How requests are signed" }),
    signature_scheme: z.enum(names).nullish().meta({ description: "signature.scheme, in its flat form" }),
    signature_secret: z
      .string()
      .min(1)
      .nullish()
      .meta({ description: "signature.secret, in its flat form", secret: true }),
    allow_unsigned: z
      .boolean()
      .default(false)
      .meta({ description: "Take events from anybody who can connect, when no scheme is given" }),
  };
}

/** For https without a proxy in front. */
function tlsFields(z: ZodNamespace) {
  return {
    tls_cert: z.string().optional().meta({ description: "PEM of the certificate, for https without a proxy in front" }),
    tls_key: z.string().optional().meta({ description: "PEM of its key, as a reference", secret: true }),
    tls_client_ca: z
      .string()
      .optional()
      .meta({ description: "PEM of an authority; only clients with a certificate of it may connect" }),
  };
}

type Config = Zod.output<ReturnType<typeof config>>;

export default defineSource({
  type: "webhook",
  summary: "Receiver of signed webhooks",
  config,
  guarantees: {
    order: "None: senders send many requests at once, and each is an event of its own.",
    duplicates: "An event that was stored is known by its id, and is answered as a duplicate.",
    acknowledgement: "200 is answered after the event is committed in the inbox, never before.",
  },
  open: openReceiver,
});

async function openReceiver(settings: Config, context: ConnectorContext): Promise<Source> {
  const signature = await openSourceSignature(settings);
  const receiver = new WebhookReceiver(settings, signature, context);
  await receiver.listen();
  return receiver;
}

async function openSourceSignature(settings: Config): Promise<OpenSignature | undefined> {
  const { signature, signature_scheme: scheme, signature_secret: secret, allow_unsigned: allowUnsigned } = settings;
  if (signature && (scheme || secret))
    throw invalid("give signature, or signature_scheme and signature_secret, not both");
  const flat: SignatureSettings | undefined = scheme ? { scheme, secret: secret ?? undefined } : undefined;
  const given = signature ?? flat;
  if (given) return openSignature(given, "verify");
  if (secret) throw invalid("signature_secret is given without signature_scheme");
  if (allowUnsigned) return undefined;
  throw invalid(
    "there is no signature scheme: anybody who can connect could send events. Give one, or say allow_unsigned",
  );
}

function invalid(message: string): ConnectorFailure {
  return new ConnectorFailure("invalid_config", message);
}

/** 2 s for requests that are being stored when the pipeline stops. */
const CLOSE_MS = 2_000;
/** 16 kinds of refusals are told, each once. */
const MAX_TOLD = 16;

const AWAY: HttpAnswer = { status: 503, headers: { "retry-after": "1" } };

class WebhookReceiver implements Source {
  readonly #settings: Config;
  readonly #signature: OpenSignature | undefined;
  readonly #context: ConnectorContext;
  readonly #rate: RequestRate | undefined;
  readonly #closing = new AbortController();
  readonly #told = new Set<string>();
  #registration: Registration | undefined;
  /** undefined: not running. */
  #deliver: Deliver | undefined;

  constructor(settings: Config, signature: OpenSignature | undefined, context: ConnectorContext) {
    this.#settings = settings;
    this.#signature = signature;
    this.#context = context;
    const perSecond = settings.max_requests_per_second;
    this.#rate = perSecond === 0 ? undefined : new RequestRate(perSecond, context.clock);
  }

  get address(): string | undefined {
    return this.#registration?.address;
  }

  /** Throws ConnectorFailure. */
  async listen(): Promise<void> {
    const { host, port } = hostOf(this.#settings.listen_addr);
    const tls = tlsOf(this.#settings);
    if (!tls && !isLoopback(host)) {
      this.#context.warn(
        `webhooks are received on ${this.#settings.listen_addr} without TLS: put a proxy that ends it in front`,
      );
    }
    if (!this.#signature) this.#context.warn("webhooks are taken unsigned: whoever can connect can send events");
    const route = (head: RequestHead) => this.#route(head);
    const onError = (error: unknown) => this.#tell(`a request failed: ${messageOf(error)}`);
    try {
      this.#registration = await listenShared({ host, port, path: this.#settings.path, tls, route, onError });
    } catch (error) {
      if (!(error instanceof PgkeepError)) throw error;
      throw new ConnectorFailure("unavailable", `${error.message}: ${error.parts.detail ?? ""}`);
    }
  }

  async run(deliver: Deliver): Promise<void> {
    const { signal } = this.#context;
    this.#deliver = deliver;
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    this.#deliver = undefined;
  }

  async close(): Promise<void> {
    this.#deliver = undefined;
    await this.#registration?.release(CLOSE_MS);
    this.#closing.abort();
  }

  #route(head: RequestHead): HttpAnswer | BodyRoute {
    if (head.method !== "POST") return { status: 405, headers: { allow: "POST" } };
    if (this.#rate && !this.#rate.allows(head.remoteAddress)) return { status: 429, headers: { "retry-after": "1" } };
    if (!this.#deliver) return AWAY;
    return { maxBodyBytes: this.#settings.max_body_size, handle: (body) => this.#receive(head, body) };
  }

  async #receive(head: RequestHead, body: Buffer): Promise<HttpAnswer> {
    let schemeId: string | undefined;
    try {
      schemeId = this.#verify(head, body);
    } catch (error) {
      if (!(error instanceof SignatureFailure)) throw error;
      this.#tell(`a request was refused: ${error.message}`);
      return answer(401, { error: "the signature is missing or wrong" });
    }
    const problem = jsonProblem(body);
    if (problem) return answer(400, { error: problem });
    const challenge = this.#signature?.definition.name === "slack" ? slackChallenge(body) : undefined;
    if (challenge !== undefined) return answer(200, { challenge });
    const eventId = schemeId ?? idIn(head, this.#settings.idempotency_header);
    if (eventId !== undefined && !isUsableId(eventId))
      return answer(400, { error: "the event's id is too long or not text" });
    return this.#store({ body, eventId, subject: head.path, headers: keptHeaders(head.headers) });
  }

  #verify({ headers }: RequestHead, body: Buffer): string | undefined {
    if (!this.#signature) return undefined;
    const { definition, secrets, options } = this.#signature;
    const now = Math.floor(this.#context.clock.now().getTime() / 1_000);
    const tolerance = this.#settings.signature?.tolerance_seconds ?? DEFAULT_TOLERANCE_SECONDS;
    return definition.verify?.({ headers, body, now, tolerance }, secrets, options).eventId;
  }

  async #store(event: Incoming): Promise<HttpAnswer> {
    const deliver = this.#deliver;
    if (!deliver) return AWAY;
    try {
      const [outcome] = await deliver([event], this.#closing.signal);
      return outcome ? this.#answerTo(outcome) : answer(500, { error: "the event could not be stored" });
    } catch {
      // The engine tells why; the sender only has to know that it must send again.
      return answer(500, { error: "the event could not be stored" });
    }
  }

  #answerTo({ outcome }: IncomingOutcome): HttpAnswer {
    if (outcome === "stored") return answer(200, { stored: true });
    if (outcome === "duplicate") return answer(this.#settings.duplicate_status, { duplicate: true });
    // Kept for people, and never better for being sent again.
    return answer(200, { dead_letter: true });
  }

  #tell(message: string): void {
    if (this.#told.has(message) || this.#told.size >= MAX_TOLD) return;
    this.#told.add(message);
    this.#context.warn(message);
  }
}

function answer(status: number, body: Record<string, unknown>): HttpAnswer {
  return { status, contentType: "application/json", body: JSON.stringify(body) };
}

/** "127.0.0.1:8080", "[::1]:8080". Throws ConnectorFailure. */
function hostOf(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? Number.NaN);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port <= 65_535))
    throw invalid('"listen_addr" is not address:port, such as 127.0.0.1:8080');
  return { host, port };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function tlsOf({ tls_cert: certificate, tls_key: key, tls_client_ca: authority }: Config): HttpServerTls | undefined {
  const made = { certificate: pemField(certificate, "tls_cert"), key: pemField(key, "tls_key") };
  if (made.certificate === undefined || made.key === undefined) return undefined;
  return { certificate: made.certificate, key: made.key, clientAuthority: pemField(authority, "tls_client_ca") };
}

function idIn({ headers }: RequestHead, configured: string | null | undefined): string | undefined {
  const names = [...(configured ? [configured.toLowerCase()] : []), "idempotency-key"];
  return names.map((name) => (Object.hasOwn(headers, name) ? headers[name] : undefined)).find((id) => id);
}

function isUsableId(id: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to refuse.
  return id.length <= MAX_ID_LENGTH && !/[\u0000-\u001f\u007f]/.test(id) && id.isWellFormed();
}

/** Of the connection, or secrets of whoever sent it. */
const NOT_KEPT =
  /^(?:authorization|proxy-.*|cookie|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|host|content-length|accept-encoding)$|signature|token|secret|api-?key/;

/** What stands beside the event in the inbox. */
function keptHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_KEPT.test(name)));
}

/** Slack asks once whether the endpoint is ours, and wants this text back. */
function slackChallenge(body: Buffer): string | undefined {
  const document: unknown = JSON.parse(body.toString("utf8"));
  if (typeof document !== "object" || document === null || !("type" in document && "challenge" in document))
    return undefined;
  return document.type === "url_verification" && typeof document.challenge === "string"
    ? document.challenge
    : undefined;
}
