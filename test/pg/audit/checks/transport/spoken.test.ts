/** What real servers of every major agree to, found by probes and cured by the findings' own remedies. */
import { describe, expect, it } from "vitest";
import type { Check, Found } from "../../../../../src/audit/check.ts";
import tls002 from "../../../../../src/audit/checks/transport/tls-002-old-versions-allowed.ts";
import tls004 from "../../../../../src/audit/checks/transport/tls-004-weak-cipher-list.ts";
import tls021 from "../../../../../src/audit/checks/transport/tls-021-old-versions-spoken.ts";
import tls022 from "../../../../../src/audit/checks/transport/tls-022-broken-ciphers.ts";
import tls023 from "../../../../../src/audit/checks/transport/tls-023-no-forward-secrecy.ts";
import tls031 from "../../../../../src/audit/checks/transport/tls-031-open-suites.ts";
import tls032 from "../../../../../src/audit/checks/transport/tls-032-tls13-refused.ts";
import tls033 from "../../../../../src/audit/checks/transport/tls-033-weak-groups.ts";
import { type LiveRun, liveOutcome, told } from "../../../../support/audit/live.ts";
import { startTlsServer, type TlsServer, writeOwned } from "../../../../support/audit/tls-server.ts";
import { foundOf } from "../../../../support/audited.ts";
import { issue } from "../../../../support/certificates.ts";
import { availableMajors } from "../../../../support/cluster.ts";

const PROBED: LiveRun = { probes: true };
/** One probe for all checks of one state of a server. */
const probedOnce = (): LiveRun => ({ probes: true, memory: {} });

async function alter({ cluster }: TlsServer, values: Readonly<Record<string, string | null>>): Promise<void> {
  for (const [name, value] of Object.entries(values)) {
    await cluster.sql(value === null ? `alter system reset ${name}` : `alter system set ${name} = '${value}'`);
  }
  await cluster.reload();
}

/** Applies the settings of the findings. */
async function cure(server: TlsServer, found: readonly Found[]): Promise<void> {
  const settings = found.flatMap(({ fix }) => (fix?.kind === "setting" ? [[fix.name, fix.value] as const] : []));
  expect(settings.length).toBe(found.length);
  await alter(server, Object.fromEntries(settings));
}

describe.each(availableMajors())("a server of PostgreSQL %s", (major) => {
  const judge = async (server: TlsServer, check: Check, run = PROBED) => liveOutcome(server.cluster, check, run);

  it("that takes everything is found out, and every remedy works", async () => {
    await using server = await startTlsServer({ major });
    await server.serve(await issue({ commonName: "localhost", key: "RSA-2048" }));
    await alter(server, { ssl_min_protocol_version: "TLSv1", ssl_ciphers: "ALL:COMPLEMENTOFALL:@SECLEVEL=0" });

    const before = probedOnce();
    const versions = await judge(server, tls021, before);
    expect(told(versions)).toEqual({
      TLSv1: "a handshake was answered, seen from 127.0.0.1",
      "TLSv1.1": "a handshake was answered, seen from 127.0.0.1",
    });
    const open = await judge(server, tls031, before);
    expect(told(open)).toMatchObject({
      TLS_ECDH_anon_WITH_AES_256_CBC_SHA:
        "no certificate proves the server; taken in TLSv1, TLSv1.1, TLSv1.2, seen from 127.0.0.1",
      TLS_RSA_WITH_NULL_SHA256: "nothing is encrypted; taken in TLSv1.2, seen from 127.0.0.1",
    });
    expect(told(await judge(server, tls022, before))).toMatchObject({
      TLS_RSA_WITH_NULL_MD5: expect.stringMatching(/^MD5 is broken; taken in/),
    });
    const secrecy = await judge(server, tls023, before);
    expect(told(secrecy)).toMatchObject({
      TLS_RSA_WITH_AES_256_GCM_SHA384: expect.stringMatching(/^no forward secrecy; taken in TLSv1\.2/),
    });
    expect(Object.keys(told(secrecy)).filter((name) => /DHE|anon|NULL/.test(name))).toEqual([]);

    expect(told(await judge(server, tls002, before)), "what the server does counts").toMatch(
      /^not_applicable: .* TLS-021$/,
    );
    expect(told(await judge(server, tls004, before))).toMatch(/^not_applicable: .* TLS-022, TLS-023 and TLS-031$/);
    expect(told(await judge(server, tls002, {}))).toEqual({ ssl_min_protocol_version: "TLSv1" });

    await cure(server, foundOf(versions));
    await cure(server, [...foundOf(open), ...foundOf(secrecy)].slice(0, 1));
    const after = probedOnce();
    for (const check of [tls021, tls022, tls023, tls031, tls032, tls033])
      expect(told(await judge(server, check, after))).toEqual({});
  });

  it("as it comes has no old version, no open suite and no weak group", async () => {
    await using server = await startTlsServer({ major });
    const run = probedOnce();
    for (const check of [tls021, tls022, tls031, tls032, tls033])
      expect(told(await judge(server, check, run))).toEqual({});
    for (const check of [tls021, tls022, tls023, tls031, tls033]) {
      expect(await judge(server, check, {})).toMatchObject({ status: "unknown", right: "network" });
    }
  });

  it("that was kept from TLS 1.3 is found out by our own line and by probes", async () => {
    await using server = await startTlsServer({ major });
    const run: LiveRun = { connection: { sslMode: "require" } };
    expect(told(await judge(server, tls032, run))).toEqual({});
    await alter(server, { ssl_max_protocol_version: "TLSv1.2" });
    const outcome = await judge(server, tls032, run);
    expect(told(outcome)).toEqual({ "TLSv1.3": "this connection offered it, and the server chose TLSv1.2" });
    expect(told(await judge(server, tls032))).toEqual({ "TLSv1.3": "a handshake was refused, seen from 127.0.0.1" });
    const own: LiveRun = { connection: { sslMode: "require", tlsVersions: { max: "TLSv1.2" } } };
    expect(await judge(server, tls032, own), "who did not offer it knows nothing").toMatchObject({ status: "unknown" });
    await cure(server, foundOf(outcome));
    expect(told(await judge(server, tls032))).toEqual({});
  });

  it("with a small curve or group is found out, whatever kind of key it has", async () => {
    await using server = await startTlsServer({ major });
    const name = major >= 18 ? "ssl_groups" : "ssl_ecdh_curve";
    await alter(server, { [name]: "secp224r1", ssl_ciphers: "ALL:@SECLEVEL=0" });
    for (const key of ["RSA-2048", "P-256"] as const) {
      await server.serve(await issue({ commonName: "localhost", key }));
      expect(told(await judge(server, tls033)), key).toMatchObject({
        secp224r1: "a key exchange with it was answered, seen from 127.0.0.1",
      });
    }
    await cure(server, foundOf(await judge(server, tls033)));
    expect(told(await judge(server, tls033))).toEqual({});

    await server.serve(await issue({ commonName: "localhost", key: "RSA-2048" }));
    writeOwned(server.cluster, "dh.pem", DH_1024);
    await alter(server, { ssl_dh_params_file: "dh.pem" });
    const outcome = await judge(server, tls033);
    // OpenSSL 3 refuses to load the group, and the server falls back to the one it has built in.
    expect(told(outcome)).toEqual(
      major === 15 ? {} : { "dh-1024": "a key exchange with it was answered, seen from 127.0.0.1" },
    );
    await cure(server, outcome.status === "fail" ? outcome.found : []);
    expect(told(await judge(server, tls033))).toEqual({});
  });
});

/** A group of 1024 bits, made for this test. */
const DH_1024 = `-----BEGIN DH PARAMETERS-----
MIGHAoGBAIX/L+b9A3+DG1QILeG9kScGWYJ94ODb72B+C0xfHZQWyflxGWggd6GQ
/6xZBRMTGwz8t+qurWolUUvCD5/C52pT9ROZU5Wga5NpVytZSLs4kHPzzPOFuap6
X2gK7DQWjfxwZ55hw3huqDveXYcJvdGyRBVViK7YPujldLstFH4/AgEC
-----END DH PARAMETERS-----
`;
