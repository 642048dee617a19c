/** What a real server shows of its certificate, judged from our own line and from probes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Check } from "../../../../../src/audit/check.ts";
import tls024 from "../../../../../src/audit/checks/transport/tls-024-certificate-dates.ts";
import tls025 from "../../../../../src/audit/checks/transport/tls-025-certificate-ends-soon.ts";
import tls026 from "../../../../../src/audit/checks/transport/tls-026-certificate-name.ts";
import tls027 from "../../../../../src/audit/checks/transport/tls-027-untrusted-chain.ts";
import tls028 from "../../../../../src/audit/checks/transport/tls-028-weak-key.ts";
import tls029 from "../../../../../src/audit/checks/transport/tls-029-weak-signature.ts";
import tls030 from "../../../../../src/audit/checks/transport/tls-030-long-lived.ts";
import tls034 from "../../../../../src/audit/checks/transport/tls-034-stale-certificate.ts";
import type { CheckOutcome } from "../../../../../src/audit/run/result.ts";
import { type LiveRun, liveOutcome, told } from "../../../../support/audit/live.ts";
import { startTlsServer, type TlsServer, writeOwned } from "../../../../support/audit/tls-server.ts";
import { type Authority, type CertificateRequest, createAuthority, issue } from "../../../../support/certificates.ts";

const NAMES = ["localhost", "127.0.0.1"];
const ENCRYPTED: LiveRun = { connection: { sslMode: "require" } };
const PROBED: LiveRun = { probes: true };
/** The two ways to see a certificate. */
const WAYS = [
  ["our own line", ENCRYPTED],
  ["probes", PROBED],
] as const;

let server: TlsServer;
let root: Authority;
const good: CertificateRequest = { commonName: "localhost", names: NAMES, days: 90 };

beforeAll(async () => {
  server = await startTlsServer();
  root = await createAuthority("lab root");
});
afterAll(() => server.cluster.stop());

const serve = async (request: CertificateRequest, authority: Authority | undefined = root, above = "") =>
  server.serve(await issue(request, authority), above);
const judge = (check: Check, run: LiveRun = ENCRYPTED): Promise<CheckOutcome> =>
  liveOutcome(server.cluster, check, run);
const toldOf = async (check: Check, run?: LiveRun) => told(await judge(check, run));

describe.each(WAYS)("a certificate seen by %s", (_name, run) => {
  it("TLS-024 fires when it has ended or has not begun, and is silent after a renewal", async () => {
    await serve({ ...good, days: -2 });
    expect(await toldOf(tls024, run)).toEqual({
      "CN=localhost": expect.stringMatching(/^expired on \d{4}-\d\d-\d\d$/),
    });
    await serve({ ...good, from: 2, days: 90 });
    expect(await toldOf(tls024, run)).toEqual({ "CN=localhost": expect.stringMatching(/^valid from .* on$/) });
    await serve(good);
    expect(await toldOf(tls024, run)).toEqual({});
  });

  it("TLS-025 fires within the days that are declared, not when it has ended, and not before", async () => {
    await serve({ ...good, days: 20 });
    expect(await toldOf(tls025, run)).toEqual({ "CN=localhost": expect.stringMatching(/in (19|20) days$/) });
    expect(await toldOf(tls025, { ...run, certificateDays: 10 })).toEqual({});
    await serve({ ...good, days: 31.5 });
    expect(await toldOf(tls025, run)).toEqual({});
    await serve({ ...good, days: -2 });
    expect(await toldOf(tls025, run)).toEqual({});
  });

  it("TLS-026 fires for another name, mildly on loopback, and takes addresses, wildcards and no common name beside them", async () => {
    const hosts = (host: string) => ({
      ...run,
      connection: { ...run.connection, hosts: [{ host, port: server.cluster.port, address: "127.0.0.1" }] },
    });
    await serve({ ...good, commonName: "db.example.org", names: ["db.example.org", "*.lab.example.org"] });
    const outcome = await judge(tls026, hosts("other.example.org"));
    expect(told(outcome)).toEqual({
      "CN=db.example.org": "is not for other.example.org: DNS:db.example.org, DNS:*.lab.example.org",
    });
    expect(outcome).toMatchObject({ found: [{ severity: "info" }] });
    expect(await toldOf(tls026, hosts("db.example.org"))).toEqual({});
    expect(await toldOf(tls026, hosts("one.lab.example.org"))).toEqual({});
    await serve({ ...good, commonName: "other.example.org", names: ["db.example.org"] });
    expect(await toldOf(tls026, hosts("other.example.org"))).toMatchObject({
      "CN=other.example.org": expect.any(String),
    });
    await serve(good);
    expect(await toldOf(tls026, run)).toEqual({});
  });

  it("TLS-028 fires on RSA of 1024 bits alone", async () => {
    await serve({ ...good, key: "RSA-1024" });
    expect(await toldOf(tls028, run)).toEqual({ "CN=localhost": "RSA key of 1024 bits" });
    await serve({ ...good, key: "RSA-2048" });
    expect(await toldOf(tls028, run)).toEqual({});
    await serve(good);
    expect(await toldOf(tls028, run)).toEqual({});
  });

  it("TLS-029 fires on a SHA-1 signature of the server's or an intermediate certificate, not of a root", async () => {
    await serve({ ...good, hash: "SHA-1" });
    expect(await toldOf(tls029, run)).toEqual({ "CN=localhost": "signed with SHA-1" });
    const weakMiddle = await createAuthority("weak middle", { parent: root, hash: "SHA-1" });
    await serve(good, weakMiddle, weakMiddle.pem);
    expect(await toldOf(tls029, run)).toEqual({ "CN=weak middle": "signed with SHA-1" });
    const oldRoot = await createAuthority("old root", { hash: "SHA-1" });
    await serve(good, oldRoot, oldRoot.pem);
    expect(await toldOf(tls029, run)).toEqual({});
  });

  it("TLS-030 fires on ten years and on a missing alternative name", async () => {
    await serve({ ...good, days: 3_650 });
    const outcome = await judge(tls030, run);
    expect(told(outcome)).toEqual({ "CN=localhost": expect.stringMatching(/^valid for 365\d days$/) });
    expect(outcome, "an internal authority has rules of its own").toMatchObject({ found: [{ severity: "info" }] });
    await serve({ ...good, names: [] });
    expect(await toldOf(tls030, run)).toEqual({ "CN=localhost": "no subjectAltName" });
    await serve({ ...good, days: 820 });
    expect(await toldOf(tls030, run)).toEqual({});
  });
});

describe("TLS-027, a certificate that signs itself", () => {
  const { connection } = ENCRYPTED;

  it("fires for one, also when it is an authority at the same time", async () => {
    await server.serve(await issue(good));
    expect(await toldOf(tls027)).toEqual({ "CN=localhost": "signs itself" });
    expect(await toldOf(tls027, PROBED)).toEqual({ "CN=localhost": "signs itself" });
    await server.serve(await issue({ ...good, isAuthority: true }));
    expect(await toldOf(tls027)).toEqual({
      "CN=localhost": "signs itself, and its key could sign other certificates as well",
    });
  });

  it("is silent where our own connection verified it, by its authority or pinned", async () => {
    await serve(good);
    const rootCert = { tlsFiles: { rootPem: root.pem } };
    expect(await toldOf(tls027, { connection: { ...connection, sslMode: "verify-full", ...rootCert } })).toEqual({});
    const own = await issue(good);
    await server.serve(own);
    const pinned = { tlsFiles: { rootPem: own.certificate } };
    expect(await toldOf(tls027, { connection: { sslMode: "verify-ca", ...pinned } })).toEqual({});
  });

  it("is unknown for an authority that nobody named", async () => {
    await serve(good);
    expect(await toldOf(tls027)).toMatch(/^unknown: the certificate's authority is not known here/);
  });
});

describe("without TLS on our own line and without probes", () => {
  it.each([tls024, tls025, tls026, tls027, tls028, tls029, tls030])(
    "$id is unknown, and says what would answer",
    async (check) => {
      expect(await judge(check, {})).toMatchObject({ status: "unknown", right: "network" });
    },
  );
});

describe("TLS-034, a file that the server was not told of", () => {
  const run: LiveRun = { ...ENCRYPTED, host: true };

  it("fires until the server is reloaded, as its own remedy says", async () => {
    await serve(good);
    expect(await toldOf(tls034, run)).toEqual({});
    const renewed = await issue({ ...good, days: 180 }, root);
    writeOwned(server.cluster, "server.crt", renewed.certificate);
    writeOwned(server.cluster, "server.key", renewed.key);
    const outcome = await judge(tls034, run);
    expect(told(outcome)).toEqual({
      "CN=localhost": expect.stringMatching(/^shown: ends .*; in \/.*server\.crt: CN=localhost, ends /),
    });
    expect(outcome).toMatchObject({ found: [{ fix: { sql: ["select pg_catalog.pg_reload_conf()"] } }] });
    await server.cluster.reload();
    expect(await toldOf(tls034, run)).toEqual({});
  });

  it("is unknown off the server's machine", async () => {
    expect(await judge(tls034)).toMatchObject({ status: "unknown", right: "host" });
  });
});
