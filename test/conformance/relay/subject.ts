/**
 * What a connector's test file tells the suites about its server, and what the suites share.
 *
 * A "place" is a stream, queue, topic, file or table that one case has for itself. The suites know no protocol: they put
 * deliveries in at one end and ask the test file, which uses a client of its own, what is at the other.
 */
import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { ConnectorFailure, type FailureClass } from "../../../src/relay/failures.ts";
import { type Authority, createAuthority, type Issued, issue } from "../../support/certificates.ts";
import type { Listener } from "../../support/listener.ts";
import { eventually } from "../../support/processes.ts";
import { startImpostor } from "./network.ts";

/** Where and as whom a connector connects. */
export interface Endpoint {
  host: string;
  port: number;
  /** The authority whose certificates the connector shall trust, PEM. */
  ca: string;
  password: string;
}

export type Configuration = Record<string, unknown>;

/** The server behind a connector that uses the network. */
export interface NetworkedServer {
  endpoint: Endpoint;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  /** SIGKILL, and started again over the same files and at the same port. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Makes places that are ready outlive a kill, where the server may forget them. */
  keepPlaces?(): void;
  /** A server that shows `certificate`, for protocols in which TLS is not the first thing said. */
  impostor?(certificate: Issued): Promise<Listener>;
  /** The client connects to addresses of the server's choice, so that nothing can stand in between: why. */
  unproxied?: string;
  /** What the server confirms is not on its disk, so a kill may lose it: why. */
  forgetsWhenKilled?: string;
}

export interface TestSubject {
  /** "redis-server 7.0.15": what is printed as tested. */
  server: string;
  network?: NetworkedServer;
  /** Readies a new place. */
  prepare?(place: string): Promise<void>;
  stop(): Promise<void>;
}

/** A name nobody else uses, made of letters and digits. */
export function newPlace(): string {
  return `p${randomBytes(6).toString("hex")}`;
}

/** Everything connectors said when they failed, to be searched for what they must not say. */
export class FailureLog {
  readonly #texts: string[] = [];

  /** Runs what must fail with a ConnectorFailure and returns it. */
  async failure(attempt: () => Promise<unknown>): Promise<ConnectorFailure> {
    const error = await attempt().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error, "it must fail").toBeInstanceOf(ConnectorFailure);
    if (!(error instanceof ConnectorFailure)) throw error;
    this.add(error);
    return error;
  }

  /** Keeps an error with its causes, or a reason. */
  add(said: unknown): void {
    for (let at: unknown = said; at !== undefined && at !== null; at = at instanceof Error ? at.cause : undefined) {
      this.#texts.push(at instanceof Error ? `${at.message}\n${at.stack}\n${JSON.stringify(at)}` : JSON.stringify(at));
    }
  }

  get text(): string {
    return this.#texts.join("\n");
  }
}

/** Classes that say "not now". */
export const TRANSIENT: readonly FailureClass[] = ["unavailable", "timeout", "throttled", "unknown"];

/** A promise's end, whichever it is. */
export function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  return promise.then(
    (value) => ({ status: "fulfilled" as const, value }),
    (reason: unknown) => ({ status: "rejected" as const, reason }),
  );
}

export async function expectEventually(
  condition: () => boolean | Promise<boolean>,
  message: string,
  timeoutMs = 30_000,
) {
  expect(await eventually(condition, timeoutMs), message).toBe(true);
}

/** The three certificates that must be refused, each as a server that shows it and the authority the client trusts. */
export async function wrongCertificates(): Promise<readonly WrongCertificate[]> {
  const trusted = await createAuthority("trusted authority");
  const other = await createAuthority("other authority");
  const names = ["localhost", "127.0.0.1"];
  return [
    wrong("of another authority", trusted, await issue({ commonName: "localhost", names }, other)),
    wrong("for another name", trusted, await issue({ commonName: "elsewhere", names: ["elsewhere.test"] }, trusted)),
    wrong("that has expired", trusted, await issue({ commonName: "localhost", names, days: -1 }, trusted)),
  ];
}

export interface WrongCertificate {
  what: string;
  ca: string;
  certificate: Issued;
}

function wrong(what: string, authority: Authority, certificate: Issued): WrongCertificate {
  return { what, ca: authority.pem, certificate };
}

/** Servers with the three wrong certificates, one after the other. */
export async function withWrongCertificates(
  network: NetworkedServer,
  check: (endpoint: Endpoint, what: string) => Promise<void>,
): Promise<void> {
  for (const { what, ca, certificate } of await wrongCertificates()) {
    await using impostor = await (network.impostor ?? startImpostor)(certificate);
    await check({ ...network.endpoint, host: impostor.host, port: impostor.port, ca }, what);
    expect(impostor.heard?.() ?? 0, "what it was told, a password maybe").toBe(0);
  }
}
