/** An HTTP server that keeps what it is sent and answers as a test says. */
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";

export interface WebRequest {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  /** Names and values in turn, as sent. */
  rawHeaders: string[];
  body: Buffer;
}

export interface WebAnswer {
  status?: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

export interface WebServer extends AsyncDisposable {
  port: number;
  /** "http://127.0.0.1:8080". */
  origin: string;
  requests: WebRequest[];
  connections(): number;
  /** Most requests that were being answered at once. */
  concurrency(): number;
  close(): Promise<void>;
}

export interface WebServerOptions {
  answer?: (request: WebRequest, number: number) => WebAnswer | Promise<WebAnswer>;
  tls?: { cert: string; key: string; ca?: string };
}

export async function startWebServer({ answer = () => ({}), tls }: WebServerOptions = {}): Promise<WebServer> {
  const requests: WebRequest[] = [];
  const sockets = new Set<Socket>();
  let [connections, inHand, concurrency] = [0, 0, 0];
  const listener: RequestListener = async (request, response) => {
    inHand++;
    concurrency = Math.max(concurrency, inHand);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", url = "", headers, rawHeaders } = request;
    const seen = { method, url, headers, rawHeaders, body: Buffer.concat(chunks) };
    const { status = 200, headers: answered = {}, body = "" } = await answer(seen, requests.push(seen));
    inHand--;
    response.writeHead(status, answered).end(body);
  };
  const mutual = tls?.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  const server = tls ? createTlsServer({ ...tls, ...mutual }, listener) : createServer(listener);
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return {
    port: address.port,
    origin: `${tls ? "https" : "http"}://127.0.0.1:${address.port}`,
    requests,
    connections: () => connections,
    concurrency: () => concurrency,
    close,
    [Symbol.asyncDispose]: close,
  };
}
