/**
 * A cloud's token endpoint on loopback, and a process of its own that asks it for credentials.
 *
 * The clouds' libraries read the process environment, keep what they found for the life of the process, and trust extra
 * certificates only from the start, so each case runs in a new process with nothing in its environment but its own.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServerCertificate } from "../../../src/pg/embedded/certificate.ts";
import { compileSources } from "../../support/compiled-sources.ts";

export interface ReceivedRequest {
  method: string;
  url: URL;
  headers: IncomingMessage["headers"];
  body: string;
  form: URLSearchParams;
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  /** Objects are sent as JSON. */
  body: unknown;
}

/** What to answer; undefined: never answer. */
export type Answering = (request: ReceivedRequest) => Answer | undefined;

export interface Provider extends AsyncDisposable {
  /** "http://127.0.0.1:PORT" or "https://localhost:PORT". */
  origin: string;
  requests: ReceivedRequest[];
  /** Certificate of the authority, for NODE_EXTRA_CA_CERTS; "" without TLS. */
  caFile: string;
}

/** Starts an endpoint that answers every request by `answering`. */
export async function startProvider(answering: Answering, { tls = false } = {}): Promise<Provider> {
  const requests: ReceivedRequest[] = [];
  const directory = mkdtempSync(join(tmpdir(), "pgkeep-provider-"));
  const caFile = tls ? join(directory, "ca.pem") : "";
  const listener = async (incoming: IncomingMessage, response: ServerResponse) => {
    const request = await receive(incoming);
    requests.push(request);
    const answer = answering(request);
    if (!answer) return;
    const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
    response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
    response.end(text);
  };
  const server = tls ? createHttps(certificate(caFile), listener) : createHttp(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    origin: tls ? `https://localhost:${address.port}` : `http://127.0.0.1:${address.port}`,
    requests,
    caFile,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true });
    },
  };
}

function certificate(caFile: string): { cert: string; key: string } {
  const { authority, certificate: cert, key } = createServerCertificate({ now: new Date(), days: 1 });
  writeFileSync(caFile, authority);
  return { cert, key };
}

async function receive(incoming: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString("utf8");
  return {
    method: incoming.method ?? "",
    url: new URL(incoming.url ?? "/", "http://endpoint"),
    headers: incoming.headers,
    body,
    form: new URLSearchParams(body),
  };
}

export interface CredentialRequest {
  method: "azure" | "aws" | "google";
  /** "credentials" (default) or "locate". */
  call?: "credentials" | "locate";
  options?: Record<string, string>;
  settings?: Record<string, string>;
  target?: { host?: string; port?: number; user?: string; database?: string };
  environment?: Record<string, string>;
  /** Variables that the process itself no longer has, as after the start of the command line. */
  hiddenEnvironment?: Record<string, string>;
  /** Gives up after this many milliseconds, as an interrupt would. */
  abortAfterMs?: number;
  /** A package that is not installed. */
  missingPackage?: string;
}

export interface CredentialOutcome {
  credentials?: { password: string; expiresAt?: string; user?: string };
  location?: { host: string; port: number; serverCa?: string };
  error?: { name: string; code?: string; message: string; parts?: Record<string, string> };
  /** The password after the scrubber. */
  scrubbed?: string;
  /** How it prints by itself. */
  printed?: string;
  /** What came first after the interrupt: the outcome, or a timer of a second. */
  first?: "outcome" | "timer";
  /** Everything that was printed, which should be nothing. */
  noise: string;
}

const SCRIPT = `
import { pathToFileURL } from "node:url";
import { register } from "node:module";
const [sources, input] = process.argv.slice(2);
const request = JSON.parse(input);
if (request.missingPackage) {
  const hook = "export const resolve = (name, context, next) => { if (name === " + JSON.stringify(request.missingPackage) + ") { const error = new Error('Cannot find package'); error.code = 'ERR_MODULE_NOT_FOUND'; throw error; } return next(name, context); };";
  register("data:text/javascript," + encodeURIComponent(hook));
}
const load = (path) => import(pathToFileURL(sources + "/" + path).href);
const { authMethods } = await load("pg/cloud-identity.js");
const { resolveAuthOptions } = await load("pg/auth/auth-method.js");
const { systemClock } = await load("base/clock.js");
const { scrub } = await load("base/secrets.js");
const controller = new AbortController();
const outcome = {};
const interrupt = () => {
  setTimeout(() => { outcome.first ??= "timer"; }, 1000);
  controller.abort(new Error("interrupted"));
};
if (request.abortAfterMs) setTimeout(interrupt, request.abortAfterMs);
try {
  const method = await authMethods.load(request.method);
  const environment = { ...process.env, ...request.hiddenEnvironment };
  const options = resolveAuthOptions(method, { flags: request.options ?? {}, environment, settings: request.settings ?? {} });
  const context = { environment, signal: controller.signal, clock: systemClock };
  const target = { host: "db.example.com", port: 5432, user: "app", database: "shop", ...request.target };
  if (request.call === "locate") outcome.location = await method.locate(options, context);
  else {
    const credentials = await method.credentials(target, options, context);
    const password = credentials.password.expose();
    outcome.credentials = { ...credentials, password };
    outcome.scrubbed = scrub("token=" + password);
    outcome.printed = String(credentials.password);
  }
} catch (error) {
  outcome.error = { name: error.name, code: error.code, message: error.message, parts: error.parts && { ...error.parts, cause: undefined } };
}
outcome.first ??= "outcome";
process.send(outcome, () => process.exit(0));
`;

let compiled: { sources: string; script: string } | undefined;

/** Compiles the sources once per test file; `removeCompiled` in afterAll. */
function compile(): { sources: string; script: string } {
  if (!compiled) {
    const sources = compileSources();
    const script = join(sources, "ask-for-credentials.js");
    writeFileSync(script, SCRIPT);
    compiled = { sources, script };
  }
  return compiled;
}

export function removeCompiled(): void {
  if (compiled) rmSync(compiled.sources, { recursive: true });
  compiled = undefined;
}

/** Asks for credentials in a new process with nothing but `request.environment` in its environment. */
export async function askFor(request: CredentialRequest): Promise<CredentialOutcome> {
  const { sources, script } = compile();
  const home = mkdtempSync(join(tmpdir(), "pgkeep-home-"));
  const { environment, ...rest } = request;
  const child = spawn(process.execPath, [script, sources, JSON.stringify(rest)], {
    env: { PATH: "/nonexistent", HOME: home, ...environment },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    cwd: home,
  });
  let noise = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (noise += chunk));
  const outcome = await new Promise<Omit<CredentialOutcome, "noise">>((resolve, reject) => {
    child.once("message", (message) => resolve(message as CredentialOutcome));
    // Not "exit", which can come before a message that was sent.
    child.once("close", (code) => reject(new Error(`ended with ${code}: ${noise}`)));
  });
  if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
  rmSync(home, { recursive: true });
  return { ...outcome, noise };
}
