/**
 * Which versions before TLS 1.3 a server speaks, with which suites and groups: by offering and looking at what it takes.
 *
 * A server shows one suite per connection, so that one is left out of the next offer, until it refuses. A line that is
 * closed without an alert may be a refusal of an old version, or a line that broke: it is asked again, and two silent
 * closes count as a refusal only when the same server answered another ClientHello of ours (`settleClosed`).
 */
import {
  CIPHER_SUITES,
  type CipherSuite,
  isSince12,
  suiteOf,
  usesEllipticCurves,
  usesSentGroup,
} from "./cipher-suites.ts";
import { clientHello, type Offer, OLD_VERSIONS, type OldVersion, SMALL_CURVES } from "./client-hello.ts";
import { type Dialer, ProbeGap, type ProbeLine } from "./dialer.ts";
import { requestTls } from "./requests.ts";
import {
  curveOf,
  type Flight,
  type FlightState,
  groupBitsOf,
  isRefusal,
  PROTOCOL_VERSION_ALERT,
  readFlight,
} from "./server-flight.ts";

type Outcome = { flight: Flight } | { refused: "version" | "handshake" } | { closed: true };

/** What became of one version. */
export interface VersionResult {
  version: OldVersion;
  suites: readonly CipherSuite[];
  /** The first answer, for its certificates. */
  flight: Flight | undefined;
  /** "closed": it hung up without a word, twice. */
  end: "refused" | "closed" | { gap: string };
}

/**
 * Every suite of `version` that the server takes. Never throws for what the server does.
 *
 * When the first offer is taken, the rest is offered in parts side by side: on a long line a hundred connections one after
 * the other would take half a minute.
 */
export async function enumerateSuites(dialer: Dialer, version: OldVersion): Promise<VersionResult> {
  const all = suitesOf(version);
  const first = await takeSuites(dialer, { version, suites: all, limit: 1 });
  const [taken] = first.suites;
  if (taken === undefined || first.end !== "open") return { version, ...first, end: endOf([first]) };
  const rest = all.filter(({ code }) => code !== taken.code);
  const parts = Array.from({ length: PARTS }, (_, part) => rest.filter((_suite, index) => index % PARTS === part));
  const runs = await Promise.all(parts.map((suites) => takeSuites(dialer, { version, suites, limit: suites.length })));
  const suites = [taken, ...runs.flatMap((run) => run.suites)].sort((one, other) => one.code - other.code);
  return { version, suites, flight: first.flight, end: endOf(runs) };
}

/** As many as there are connections at once. */
const PARTS = 3;

interface Taken {
  suites: readonly CipherSuite[];
  flight: Flight | undefined;
  /** "open": the limit was reached, and there may be more. */
  end: VersionResult["end"] | "open";
}

/** Offers `suites` until the server refuses what is left, or took `limit` of them. */
async function takeSuites(
  dialer: Dialer,
  offer: { version: OldVersion; suites: readonly CipherSuite[]; limit: number },
): Promise<Taken> {
  const { version, limit } = offer;
  const suites: CipherSuite[] = [];
  let flight: Flight | undefined;
  let rest = offer.suites;
  try {
    while (rest.length > 0 && suites.length < limit) {
      const outcome = await handshake(dialer, { version, suites: rest.map(({ code }) => code) });
      if ("flight" in outcome) {
        const { suite } = outcome.flight;
        flight ??= outcome.flight;
        suites.push(suiteOf(suite) ?? { code: suite, name: "" });
        rest = rest.filter(({ code }) => code !== suite);
        continue;
      }
      const fewer = "refused" in outcome && outcome.refused === "handshake" ? withoutSigned(version, rest) : rest;
      if (fewer.length === rest.length) return { suites, flight, end: "refused" in outcome ? "refused" : "closed" };
      rest = fewer;
    }
    return { suites, flight, end: rest.length === 0 ? "refused" : "open" };
  } catch (error) {
    if (error instanceof ProbeGap) return { suites, flight, end: { gap: error.message } };
    throw error;
  }
}

/** The least certain of the ends. */
function endOf(runs: readonly Taken[]): VersionResult["end"] {
  const ends = runs.map(({ end }) => (end === "open" ? "refused" : end));
  return ends.find((end) => typeof end === "object") ?? ends.find((end) => end === "closed") ?? "refused";
}

function suitesOf(version: OldVersion): readonly CipherSuite[] {
  if (version === "TLSv1.2") return CIPHER_SUITES;
  const old = CIPHER_SUITES.filter((suite) => !isSince12(suite));
  return version === "SSLv3" ? old.filter((suite) => !usesEllipticCurves(suite)) : old;
}

/**
 * Before TLS 1.2 a server that signs its key exchange does it with SHA-1, which new libraries refuse themselves, and only
 * after they chose the suite. What needs no such signature is then asked for alone.
 */
function withoutSigned(version: OldVersion, suites: readonly CipherSuite[]): readonly CipherSuite[] {
  return version === "TLSv1.2" ? suites : suites.filter(({ name }) => !/^TLS_(EC)?DHE_(RSA|DSS|ECDSA)_/.test(name));
}

/** Curves below 256 bits, and groups below 2048, that the server takes. Throws ProbeGap. */
export async function weakGroups(dialer: Dialer, version: OldVersion, certificateCurve?: number): Promise<string[]> {
  const bits = await sentGroupBits(dialer, version);
  const isSmall = bits !== undefined && bits < MIN_GROUP_BITS;
  return [...(await smallCurves(dialer, version, certificateCurve)), ...(isSmall ? [`dh-${bits}`] : [])];
}

/** 2048: NIST SP 800-57 part 1, 112 bits of security. */
const MIN_GROUP_BITS = 2_048;

async function smallCurves(dialer: Dialer, version: OldVersion, certificateCurve?: number): Promise<string[]> {
  const suites = codesOf(version, ({ name }) => /^TLS_ECDH(E|_anon)_/.test(name));
  // A certificate of a curve is shown only to clients that know the curve.
  const always = certificateCurve === undefined ? [] : [certificateCurve];
  const taken: string[] = [];
  const rest = new Map(SMALL_CURVES);
  while (rest.size > 0) {
    const outcome = await handshake(dialer, { version, suites, groups: [...rest.keys(), ...always] });
    const curve = "flight" in outcome ? curveOf(outcome.flight) : undefined;
    const name = curve === undefined ? undefined : rest.get(curve);
    if (curve === undefined || name === undefined) break;
    taken.push(name);
    rest.delete(curve);
  }
  return taken;
}

async function sentGroupBits(dialer: Dialer, version: OldVersion): Promise<number | undefined> {
  const outcome = await handshake(dialer, { version, suites: codesOf(version, usesSentGroup) });
  return "flight" in outcome ? groupBitsOf(outcome.flight) : undefined;
}

function codesOf(version: OldVersion, fits: (suite: CipherSuite) => boolean): number[] {
  return suitesOf(version)
    .filter(fits)
    .map(({ code }) => code);
}

/** One handshake up to the server's first flight. A line that closes without a word is tried twice. */
async function handshake(dialer: Dialer, offer: Omit<Offer, "serverName">): Promise<Outcome> {
  const once = () => dialer.ask((line) => offerTo(line, { ...offer, serverName: dialer.target.serverName }));
  const first = await once();
  return "closed" in first ? await once() : first;
}

async function offerTo(line: ProbeLine, offer: Offer): Promise<Outcome> {
  if ((await requestTls(line)) === "declined") throw new ProbeGap("the server did not offer TLS this time");
  line.send(clientHello(offer));
  let state: FlightState = { kind: "waiting" };
  const { isClosed } = await line.receive((bytes) => {
    state = readFlight(bytes);
    return state.kind === "flight" ? state.isDone : state.kind !== "waiting";
  });
  return outcomeOf(state, offer, isClosed);
}

function outcomeOf(state: FlightState, offer: Offer, isClosed: boolean): Outcome {
  if (state.kind === "garbage") throw new ProbeGap(state.reason);
  if (state.kind === "alert") {
    if (!isRefusal(state.description)) throw new ProbeGap(`the server broke off with TLS alert ${state.description}`);
    return { refused: state.description === PROTOCOL_VERSION_ALERT ? "version" : "handshake" };
  }
  if (state.kind === "flight") return chosen(state, offer);
  if (isClosed) return { closed: true };
  throw new ProbeGap("the answer broke off");
}

function chosen({ flight, isDone }: { flight: Flight; isDone: boolean }, offer: Offer): Outcome {
  if (flight.version < OLD_VERSIONS[offer.version]) return { refused: "version" };
  const isOffered = flight.version === OLD_VERSIONS[offer.version] && offer.suites.includes(flight.suite);
  if (!isOffered) throw new ProbeGap("the server chose what was not offered");
  if (!isDone) throw new ProbeGap("the handshake broke off after the server's choice");
  return { flight };
}
