/** What checks make of probes: of suites that no PostgreSQL at hand takes any more, of gaps, and of where they came from. */
import { describe, expect, it } from "vitest";
import type { Check } from "../../../../../src/audit/check.ts";
import net040 from "../../../../../src/audit/checks/network/net-040-plain-sessions.ts";
import net041 from "../../../../../src/audit/checks/network/net-041-no-credential.ts";
import net042 from "../../../../../src/audit/checks/network/net-042-clear-text-password.ts";
import net043 from "../../../../../src/audit/checks/network/net-043-md5-demand.ts";
import tls002 from "../../../../../src/audit/checks/transport/tls-002-old-versions-allowed.ts";
import tls004 from "../../../../../src/audit/checks/transport/tls-004-weak-cipher-list.ts";
import tls020 from "../../../../../src/audit/checks/transport/tls-020-no-tls-offered.ts";
import tls021 from "../../../../../src/audit/checks/transport/tls-021-old-versions-spoken.ts";
import tls022 from "../../../../../src/audit/checks/transport/tls-022-broken-ciphers.ts";
import tls023 from "../../../../../src/audit/checks/transport/tls-023-no-forward-secrecy.ts";
import tls024 from "../../../../../src/audit/checks/transport/tls-024-certificate-dates.ts";
import tls031 from "../../../../../src/audit/checks/transport/tls-031-open-suites.ts";
import tls032 from "../../../../../src/audit/checks/transport/tls-032-tls13-refused.ts";
import tls033 from "../../../../../src/audit/checks/transport/tls-033-weak-groups.ts";
import type { Facts } from "../../../../../src/audit/facts/facts.ts";
import { type LineFacts, NO_LINE } from "../../../../../src/audit/facts/line.ts";
import { type Demand, type ProbeFacts, probeServer } from "../../../../../src/audit/facts/probe.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { fakeTls } from "../../../../support/audit/fake-tls.ts";
import { told } from "../../../../support/audit/live.ts";
import { foundOf, LOCAL_LINE, madeUpFacts } from "../../../../support/audited.ts";

const GOOD: ProbeFacts = {
  from: "10.0.0.7",
  isLoopback: false,
  connections: 30,
  offersTls: true,
  offersGssEncryption: false,
  acceptsDirectTls: false,
  versions: ["TLSv1.2", "TLSv1.3"],
  suites: [{ version: "TLSv1.2", code: 0xc02f, name: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" }],
  weakGroups: [],
  chain: [],
  logins: [],
  gaps: {},
};
const REMOTE: LineFacts = { ...LOCAL_LINE, address: "10.0.0.5", host: "10.0.0.5", isLoopback: false };
const SETTINGS = { ssl: "on", listen_addresses: "*", ssl_min_protocol_version: "TLSv1.2", ssl_ciphers: "ALL" };

const factsOf = (probe: Partial<ProbeFacts>, more: Partial<Facts> = {}): Facts => ({
  ...madeUpFacts({ settings: SETTINGS }),
  line: () => REMOTE,
  probe: async () => ({ ...GOOD, ...probe }),
  ...more,
});
const outcome = (check: Check, probe: Partial<ProbeFacts>, more?: Partial<Facts>) =>
  runCheck(check, factsOf(probe, more));
const login = (demand: Demand, isEncrypted = false, isKnown = true) => ({
  role: isKnown ? "app" : "pgkeep_probe_1",
  isKnown,
  isEncrypted,
  demand,
  mechanisms: [],
});

describe("suites and versions that only old servers have", () => {
  it("are found on a server that speaks them, and told by name and version", async () => {
    await using server = await fakeTls({
      suites: { 768: [0x0004], 769: [0x000a, 0x0004], 771: [0xc02f, 0xc011, 0x0018, 0x003b, 0x009c] },
    });
    const line: LineFacts = { ...LOCAL_LINE, address: "127.0.0.1", port: server.port };
    const options = { line, database: "shop", roles: [], signal: new AbortController().signal };
    const probe = await probeServer(options);
    expect(told(await outcome(tls021, probe))).toEqual({
      SSLv3: "a handshake was answered, seen from 127.0.0.1",
      TLSv1: "a handshake was answered, seen from 127.0.0.1",
    });
    expect(told(await outcome(tls022, probe))).toEqual({
      TLS_RSA_WITH_RC4_128_MD5: "RC4 is broken; taken in SSLv3, TLSv1, seen from 127.0.0.1",
      TLS_RSA_WITH_3DES_EDE_CBC_SHA: "3DES is broken; taken in TLSv1, seen from 127.0.0.1",
      TLS_ECDHE_RSA_WITH_RC4_128_SHA: "RC4 is broken; taken in TLSv1.2, seen from 127.0.0.1",
      TLS_DH_anon_WITH_RC4_128_MD5: "RC4 is broken; taken in TLSv1.2, seen from 127.0.0.1",
    });
    expect(told(await outcome(tls031, probe))).toEqual({
      TLS_DH_anon_WITH_RC4_128_MD5: "no certificate proves the server; taken in TLSv1.2, seen from 127.0.0.1",
      TLS_RSA_WITH_NULL_SHA256: "nothing is encrypted; taken in TLSv1.2, seen from 127.0.0.1",
    });
    expect(Object.keys(told(await outcome(tls023, probe)))).toEqual([
      "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
      "TLS_RSA_WITH_AES_128_GCM_SHA256",
      "TLS_RSA_WITH_RC4_128_MD5",
    ]);
  });

  it("are not found where there are none", async () => {
    for (const check of [tls020, tls021, tls022, tls023, tls031, tls032, tls033])
      expect(told(await outcome(check, {}))).toEqual({});
  });
});

describe("a question that the server did not answer", () => {
  it.each([
    [tls020, "tls"],
    [tls021, "TLSv1"],
    [tls021, "SSLv3"],
    [tls022, "TLSv1.2"],
    [tls023, "TLSv1.1"],
    [tls031, "TLSv1"],
    [tls032, "TLSv1.3"],
    [tls033, "groups"],
    [tls024, "certificate"],
  ] as const)("leaves $id unknown without an answer about %s, and never passed", async (check, area) => {
    const broken: Partial<ProbeFacts> = { gaps: { [area]: "the answer broke off" }, versions: ["TLSv1.2"] };
    const result = await outcome(check, area === "tls" ? { ...broken, offersTls: undefined } : broken);
    expect(result).toMatchObject({
      status: "unknown",
      reason: `the probe of ${area} has no answer: the answer broke off`,
    });
  });

  it("does not hide what was found", async () => {
    const gaps = { SSLv3: "the answer broke off" };
    expect(told(await outcome(tls021, { gaps, versions: ["TLSv1.1"] }))).toMatchObject({
      "TLSv1.1": expect.any(String),
    });
  });

  it("leaves the settings' word standing", async () => {
    const facts = factsOf({ gaps: { TLSv1: "the answer broke off" } });
    expect(told(await runCheck(tls004, facts))).toMatchObject({ ssl_ciphers: "ALL in ALL" });
    expect(told(await runCheck(tls002, facts))).toEqual({});
    expect(told(await outcome(tls004, {})), "and an answer stands above it").toMatch(/^not_applicable/);
  });

  it("leaves demands unknown", async () => {
    const logins = [login("no answer"), login("no answer", true)];
    for (const check of [net040, net041, net042, net043]) {
      const result = await outcome(
        check,
        { logins, gaps: { logins: "no answer within 3 s" } },
        { line: () => NO_LINE },
      );
      expect(result).toMatchObject({ status: "unknown", reason: "app in plain text: no answer within 3 s" });
    }
  });
});

describe("the place of the probes", () => {
  const cases = [
    [net040, login("scram"), undefined, "info"],
    [net041, login("nothing", true), undefined, "high"],
    [net042, login("clear text"), "critical", "medium"],
    [net042, login("clear text", true), "medium", "medium"],
    [net043, login("md5"), undefined, undefined],
  ] as const;
  it.each(cases)(
    "$id is as grave as it is from the network, and milder over loopback",
    async (check, seen, remote, local) => {
      const severityAt = async (isLoopback: boolean) =>
        foundOf(await outcome(check, { logins: [seen], isLoopback }, { line: () => NO_LINE }))[0]?.severity;
      expect(await severityAt(false)).toBe(remote);
      expect(await severityAt(true)).toBe(local);
    },
  );

  it("stands in every finding", async () => {
    const result = told(await outcome(net041, { logins: [login("nothing", false, false)] }, { line: () => NO_LINE }));
    expect(result).toEqual({ "any role in plain text": "let in without a credential, seen from 10.0.0.7" });
  });

  it("is silent about what looks alike: refusals, proofs, other methods", async () => {
    const logins = [login("refused"), login("scram", true), login("gss", true), login("other", true)];
    for (const check of [net040, net041, net042, net043]) {
      expect(told(await outcome(check, { logins }, { line: () => NO_LINE }))).toEqual({});
    }
  });
});

describe("the profile strict", () => {
  it("asks for TLS 1.3 as the least, mildly", async () => {
    const facts = { ...madeUpFacts({ settings: SETTINGS }), profile: "strict" as const };
    expect(await runCheck(tls002, facts)).toMatchObject({ found: [{ severity: "low", fix: { value: "TLSv1.3" } }] });
  });
});
