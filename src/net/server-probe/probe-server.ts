/**
 * All questions to one server, and what it answered: TLS, versions, suites, groups, certificates, demands of logins.
 *
 * First whether it takes TLS at all, and whether it answers at all. Then everything else side by side, as far as the
 * dialer's limits let it; the small groups last, in the newest version that was found. A question without an answer is a
 * gap under its own name and never an answer: whoever reads the result cannot take silence for a refusal.
 */
import { randomBytes, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { OLD_VERSION_NAMES, type OldVersion } from "./client-hello.ts";
import { Dialer, PROBE_LIMITS, ProbeGap, type ProbeLimits } from "./dialer.ts";
import { type Demand, type LoginRequest, loginDemand } from "./login-demand.ts";
import { directHandshake, encrypt, handshake13, type ModernOutcome } from "./modern-tls.ts";
import { enumerateSuites, type VersionResult, weakGroups } from "./old-handshakes.ts";
import { requestGssEncryption, requestTls } from "./requests.ts";

export type { Demand } from "./login-demand.ts";

export const TLS_VERSIONS = [...OLD_VERSION_NAMES, "TLSv1.3"] as const;
export type ProbedVersion = (typeof TLS_VERSIONS)[number];

/** What a gap is about. */
export type ProbeArea = "tls" | "gss" | "direct tls" | ProbedVersion | "groups" | "certificate" | "logins";

export interface LoginProbe {
  role: string;
  /** Whether the role is one that exists; the other one is a name made up for the probe. */
  isKnown: boolean;
  isEncrypted: boolean;
  demand: Demand;
  /** SASL mechanisms, when offered. */
  mechanisms: readonly string[];
}

export interface AcceptedSuite {
  version: ProbedVersion;
  /** Two bytes of the registry: 0xc02f. */
  code: number;
  /** "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256". */
  name: string;
}

export interface ServerProbe {
  /** The local address of the probes. */
  from: string;
  connections: number;
  /** undefined, here and below: see `gaps`. */
  offersTls: boolean | undefined;
  offersGssEncryption: boolean | undefined;
  acceptsDirectTls: boolean | undefined;
  /** Versions that it speaks. */
  versions: readonly ProbedVersion[];
  /** Suites before TLS 1.3, whose own are all good. */
  suites: readonly AcceptedSuite[];
  /** Small curves and Diffie-Hellman groups: "secp224r1", "dh-1024". */
  weakGroups: readonly string[];
  chain: readonly X509Certificate[];
  logins: readonly LoginProbe[];
  /** Why there is no answer, one line each. */
  gaps: Readonly<Partial<Record<ProbeArea, string>>>;
}

export interface ProbeRequest {
  /** The name that the connection was asked for by, and the address that it stands for. */
  host: string;
  address: string;
  port: number;
  database: string;
  /** Roles that exist, to ask for; one that is made up is asked for besides. */
  roles: readonly string[];
  signal: AbortSignal;
  limits?: Partial<ProbeLimits> | undefined;
}

/** What may be sent as the name of a server; RFC 6066 knows ASCII alone. */
const SERVER_NAME = /^[a-z0-9._-]{1,253}$/i;

/** 5 roles: the connecting one and a few others show the rules for all but odd ones. */
export const MAX_PROBED_ROLES = 5;

/** Asks. Throws the signal's reason when it aborts, and nothing for what the server does. */
export async function probe(request: ProbeRequest): Promise<ServerProbe> {
  const { host, address, port, signal } = request;
  const serverName = isIP(host) === 0 && SERVER_NAME.test(host) ? host : undefined;
  const dialer = new Dialer({ address, port, serverName }, { ...PROBE_LIMITS, ...request.limits }, signal);
  try {
    return await new Questions(dialer, request).askAll();
  } finally {
    dialer.end();
  }
}

class Questions {
  readonly #dialer: Dialer;
  readonly #request: ProbeRequest;
  readonly #gaps: Partial<Record<ProbeArea, string>> = {};
  #from = "";

  constructor(dialer: Dialer, request: ProbeRequest) {
    this.#dialer = dialer;
    this.#request = request;
  }

  async askAll(): Promise<ServerProbe> {
    const offersTls = await this.#or("tls", () =>
      this.#dialer.ask(async (line) => {
        this.#from = line.localAddress;
        return (await requestTls(line)) === "accepted";
      }),
    );
    const [tls, offersGssEncryption, acceptsDirectTls, logins] = await Promise.all([
      this.#tls(offersTls),
      this.#or("gss", () => this.#dialer.ask(async (line) => (await requestGssEncryption(line)) === "accepted")),
      this.#direct(offersTls),
      this.#logins(offersTls),
    ]);
    const { connections } = this.#dialer;
    const answers = { offersTls, offersGssEncryption, acceptsDirectTls, logins };
    return { from: this.#from, connections, ...answers, ...tls, gaps: this.#gaps };
  }

  /** The answer, or a gap in its place. */
  async #or<Result>(area: ProbeArea, ask: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ProbeGap)) throw error;
      this.#gaps[area] ??= error.message;
      return undefined;
    }
  }

  async #tls(
    offersTls: boolean | undefined,
  ): Promise<Pick<ServerProbe, "versions" | "suites" | "weakGroups" | "chain">> {
    if (offersTls !== true) {
      const nothing = { versions: [], suites: [], weakGroups: [], chain: [] };
      if (offersTls === false) return nothing;
      for (const area of [...TLS_VERSIONS, "groups", "certificate"] as const) this.#gaps[area] = this.#gaps.tls ?? "";
      return nothing;
    }
    const { serverName } = this.#dialer.target;
    const [modern, ...old] = await Promise.all([
      this.#or("TLSv1.3", () => twiceWhenClosed(() => this.#dialer.ask((line) => handshake13(line, serverName)))),
      ...OLD_VERSION_NAMES.map((version) => enumerateSuites(this.#dialer, version)),
    ]);
    const versions = this.#settle(old, modern);
    const chain = this.#chain(modern, old);
    const newest = OLD_VERSION_NAMES.findLast((version) => versions.includes(version));
    return { versions, chain, suites: old.flatMap(suitesOf), weakGroups: await this.#groups(newest, chain) };
  }

  /** Who hung up without a word refused, if it answered another version; otherwise nobody knows. */
  #settle(old: readonly VersionResult[], modern: ModernOutcome | undefined): ProbedVersion[] {
    const versions: ProbedVersion[] = old.filter(({ suites }) => suites.length > 0).map(({ version }) => version);
    if (modern?.kind === "accepted") versions.push("TLSv1.3");
    const silence = "the server hung up without an answer, twice";
    for (const { version, end } of old) {
      if (typeof end === "object") this.#gaps[version] = end.gap;
      else if (end === "closed" && versions.length === 0) this.#gaps[version] = silence;
    }
    if (modern?.kind === "closed" && versions.length === 0) this.#gaps["TLSv1.3"] = silence;
    return versions;
  }

  #chain(modern: ModernOutcome | undefined, old: readonly VersionResult[]): X509Certificate[] {
    if (modern?.kind === "accepted") return [...modern.certificates];
    const shown = old.find(({ flight }) => flight !== undefined && flight.certificates.length > 0)?.flight;
    try {
      if (shown !== undefined) return shown.certificates.map((der) => new X509Certificate(der));
      this.#gaps.certificate = "no handshake showed one";
    } catch {
      this.#gaps.certificate = "what the server sent is no certificate";
    }
    return [];
  }

  async #groups(version: OldVersion | undefined, chain: readonly X509Certificate[]): Promise<string[]> {
    // TLS 1.3 has no small groups. When an older version might be spoken, nobody knows.
    if (version === undefined || version === "SSLv3") {
      const gap = OLD_VERSION_NAMES.map((name) => this.#gaps[name]).find((reason) => reason !== undefined);
      if (gap !== undefined) this.#gaps.groups = gap;
      return [];
    }
    const curve = CERTIFICATE_CURVES.get(chain[0]?.publicKey.asymmetricKeyDetails?.namedCurve ?? "");
    return (await this.#or("groups", () => weakGroups(this.#dialer, version, curve))) ?? [];
  }

  async #direct(offersTls: boolean | undefined): Promise<boolean | undefined> {
    if (offersTls !== true) return offersTls;
    const { serverName } = this.#dialer.target;
    return await this.#or("direct tls", async () => {
      const outcome = await this.#dialer.ask((line) => directHandshake(line, serverName));
      return outcome.kind === "accepted" && outcome.alpn === "postgresql";
    });
  }

  async #logins(offersTls: boolean | undefined): Promise<LoginProbe[]> {
    const known = this.#request.roles.slice(0, MAX_PROBED_ROLES).map((role) => ({ role, isKnown: true }));
    // 48 random bits: nobody has a role of that name.
    const roles = [...known, { role: `pgkeep_probe_${randomBytes(6).toString("hex")}`, isKnown: false }];
    const ways = offersTls === true ? [false, true] : [false];
    const asked = roles.flatMap((role) => ways.map((isEncrypted) => this.#login({ ...role, isEncrypted })));
    return await Promise.all(asked);
  }

  async #login(login: Pick<LoginProbe, "role" | "isKnown" | "isEncrypted">): Promise<LoginProbe> {
    const request: LoginRequest = { user: login.role, database: this.#request.database };
    const answer = await this.#or("logins", () =>
      loginDemand(
        (question) =>
          this.#dialer.ask(async (line) => {
            if (login.isEncrypted) await encrypt(line, this.#dialer.target.serverName);
            return await question(line);
          }),
        request,
      ),
    );
    return { ...login, demand: answer?.demand ?? "no answer", mechanisms: answer?.mechanisms ?? [] };
  }
}

async function twiceWhenClosed(ask: () => Promise<ModernOutcome>): Promise<ModernOutcome> {
  const first = await ask();
  return first.kind === "closed" ? await ask() : first;
}

function suitesOf({ version, suites }: VersionResult): AcceptedSuite[] {
  return suites.map(({ code, name }) => ({ version, code, name }));
}

/** Codes of the curves that certificates have, by OpenSSL's names. */
const CERTIFICATE_CURVES: ReadonlyMap<string, number> = new Map([
  ["prime256v1", 23],
  ["secp384r1", 24],
  ["secp521r1", 25],
]);
