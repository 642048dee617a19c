/**
 * Where a broker is and what proves who we are: the fields that Redis, RabbitMQ and MQTT have in common, read into one shape.
 *
 * Without TLS nothing is dialled unless the pipeline asks for it and the process permits it: a password that crosses a
 * network in the clear is nobody's wish. There is no way to leave the server's certificate unverified.
 */
import type { ZodNamespace } from "../../base/operation.ts";
import { dial, dialTls, type Socket, type Trust } from "../../net/sockets.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure, type FailureClass } from "../failures.ts";
import { checkedText, isEscaped, networkClassOf, pemField, reasonOf } from "../network.ts";

export interface Endpoint {
  host: string;
  port: number;
  isSecure: boolean;
  username: string | undefined;
  password: string | undefined;
  /** What the URL says after the host, decoded, without the first slash: a database number, a virtual host. */
  path: string | undefined;
  trust: Trust;
  /** For a whole step: connecting, one batch. */
  timeoutMs: number;
}

/** Names of a protocol's schemes and where its servers listen. */
export interface Scheme {
  /** How its URLs look: "rediss://host:port". */
  form: string;
  plain: readonly string[];
  secure: readonly string[];
  plainPort: number;
  securePort: number;
}

/** 10 s: longer than any healthy answer, and short of the 30 s after which people look. */
const DEFAULT_TIMEOUT_SECONDS = 10;

/** The field that stands first. What is wrong with a URL is told without repeating it: it may hold a password. */
export function endpointUrl(z: ZodNamespace, scheme: Scheme) {
  const description = `${scheme.form}, without credentials.`;
  return checkedText(z.string().min(1), (text) => urlProblem(text, scheme)).meta({ description });
}

function urlProblem(text: string, { plain, secure }: Scheme): string | undefined {
  const schemes = [...secure, ...plain];
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !schemes.includes(url.protocol.slice(0, -1)) || url.hostname === "") {
    return `must be ${schemes.map((name) => `${name}://host:port`).join(" or ")}`;
  }
  if (url.search !== "" || url.hash !== "") return "must end after its path: settings are fields of their own";
  if (![url.username, url.password, url.pathname].every(isEscaped)) return "has a percent sign that is not an escape";
  return undefined;
}

const isSecure = ({ url, tls }: EndpointConfig, { secure }: Scheme): boolean =>
  tls === true || secure.includes(new URL(url).protocol.slice(0, -1));

/** The other fields that every one of these connectors has, to be spread into its strict object. */
export function endpointFields(z: ZodNamespace) {
  return {
    username: z.string().min(1).optional().meta({ description: "User; may also stand in the URL." }),
    password: z.string().min(1).optional().meta({ description: "Password, as one reference.", secret: true }),
    tls: z.boolean().optional().meta({ description: "TLS although the scheme of the URL does not say so." }),
    tls_ca_file: z.string().optional().meta({
      description: "Authorities to trust instead of the system's, PEM: ${file:/path/ca.pem}.",
    }),
    tls_client_cert: z.string().optional().meta({ description: "Client certificate, PEM: ${file:/path/client.pem}." }),
    tls_client_key: z.string().optional().meta({ description: "Key of the client certificate, PEM.", secret: true }),
    allow_insecure: z.boolean().default(false).meta({
      description: "Go without TLS; counts only when the process permits it too.",
    }),
    timeout_seconds: z.number().positive().max(300).default(DEFAULT_TIMEOUT_SECONDS).meta({
      description: "How long connecting, and one batch, may take.",
    }),
  };
}

export interface EndpointConfig {
  url: string;
  username?: string | undefined;
  password?: string | undefined;
  tls?: boolean | undefined;
  tls_ca_file?: string | undefined;
  tls_client_cert?: string | undefined;
  tls_client_key?: string | undefined;
  allow_insecure: boolean;
  timeout_seconds: number;
}

/** Reads the fields. Throws ConnectorFailure invalid_config for a connection without TLS that is not permitted, and for no PEM text. */
export function readEndpoint(config: EndpointConfig, scheme: Scheme, context: ConnectorContext): Endpoint {
  const url = new URL(config.url);
  const hasTls = isSecure(config, scheme);
  if (!hasTls && !(config.allow_insecure && context.allowInsecure)) throw insecure(config.allow_insecure, scheme);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (hasTls ? scheme.securePort : scheme.plainPort) : Number(url.port),
    isSecure: hasTls,
    username: config.username ?? decoded(url.username),
    password: config.password ?? decoded(url.password),
    path: decoded(url.pathname.slice(1)),
    trust: trustOf(config),
    timeoutMs: config.timeout_seconds * 1_000,
  };
}

const decoded = (part: string): string | undefined => (part === "" ? undefined : decodeURIComponent(part));

function insecure(isAskedFor: boolean, { secure }: Scheme): ConnectorFailure {
  const how = `use ${secure[0]}://`;
  return new ConnectorFailure(
    "invalid_config",
    isAskedFor
      ? `the process does not permit connections without TLS: ${how}`
      : `the URL asks for a connection without TLS: ${how}, or set "allow_insecure" and permit it at the process`,
  );
}

function trustOf(config: EndpointConfig): Trust {
  const [cert, key] = [
    pemField(config.tls_client_cert, "tls_client_cert"),
    pemField(config.tls_client_key, "tls_client_key"),
  ];
  if ((cert === undefined) !== (key === undefined)) {
    throw new ConnectorFailure("invalid_config", '"tls_client_cert" and "tls_client_key" belong together');
  }
  return { ca: pemField(config.tls_ca_file, "tls_ca_file"), cert, key };
}

/** A socket that begins to dial; with TLS when the endpoint says so. Throws ConnectorFailure for an address that may not be dialled. */
export function dialEndpoint(endpoint: Endpoint, context: ConnectorContext): Socket {
  try {
    const socket = endpoint.isSecure
      ? dialTls(endpoint, endpoint.trust, context.addresses)
      : dial(endpoint, context.addresses);
    // The client listens too; without one of ours an error after the client let go would end the process.
    return socket.on("error", () => {});
  } catch (error) {
    throw failureOf(error, "could not dial");
  }
}

/**
 * What a client threw, as a ConnectorFailure without its cause: clients hang the command they were sending, password and
 * payload in it, on their errors.
 */
export function failureOf(error: unknown, what: string, otherwise: FailureClass = "unavailable"): ConnectorFailure {
  if (error instanceof ConnectorFailure) return error;
  const stranger = STRANGERS.find(([words]) => words.test(reasonOf(error)));
  if (stranger !== undefined) return new ConnectorFailure(otherwise, `${what}: what answers there is ${stranger[1]}`);
  return new ConnectorFailure(networkClassOf(error) ?? otherwise, `${what}: ${reasonOf(error)}`);
}

/** What the clients say of answers in another language, and what that means to whoever wrote the URL. */
const STRANGERS: readonly (readonly [RegExp, string])[] = [
  [
    /^Unknown RESP type|^Protocol error, got/,
    "no Redis server, or one that speaks something else: look at host and port",
  ],
  [/^Invalid header flag bits|^Cannot parse|^Not supported$/, "no MQTT broker: look at host and port"],
  [/^Frame size \d+ exceeds|^Invalid frame$/, "no RabbitMQ broker: look at host and port"],
];

/** Text that may go into names and headers of every broker: no control characters, nothing that is not Unicode text. */
export function isCleanText(text: string): boolean {
  return text.isWellFormed() && !UNCLEAN.test(text);
}

/** Control characters, and the code points that Unicode keeps out of texts; MQTT brokers end the connection over them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters to refuse.
const UNCLEAN = /[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\p{Noncharacter_Code_Point}]/u;
