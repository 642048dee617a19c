/** TLS with a real server: what each mode accepts, refuses and proves. */
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PgkeepError } from "../../../src/base/errors.ts";
import { Secret } from "../../../src/base/secrets.ts";
import type { ConnectionSettings, Session, SslMode } from "../../../src/pg/session.ts";
import {
  type Authority,
  createAuthority,
  encryptKey,
  type Issued,
  issue,
  revocationList,
} from "../../support/certificates.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";

let cluster: TestCluster;
let authority: Authority;
let good: Issued;
let caFile: string;
const folder = mkdtempSync(join(tmpdir(), "pgkeep-tls-"));

function write(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

/** Makes the server use `issued` for connections from now on. */
async function serve(issued: Issued): Promise<void> {
  const owner = statSync(cluster.dataDir);
  for (const [name, text] of [
    ["server.crt", issued.certificate],
    ["server.key", issued.key],
  ] as const) {
    const path = join(cluster.dataDir, name);
    writeFileSync(path, text);
    chmodSync(path, 0o600);
    chownSync(path, owner.uid, owner.gid);
  }
  await cluster.reload();
}

beforeAll(async () => {
  authority = await createAuthority("pgkeep test authority");
  good = await issue({ commonName: "localhost", names: ["localhost", "127.0.0.1", "::1"] }, authority);
  caFile = write("ca.crt", authority.pem);
  const clients = write("clients.crt", authority.pem, 0o644);
  chmodSync(folder, 0o755);
  cluster = await startCluster({
    tls: true,
    settings: { ssl_ca_file: clients },
    hba: [
      "local all all scram-sha-256",
      "hostssl all certified all cert",
      "hostnossl all tls_only all reject",
      "hostssl all plain_only all reject",
      "host all all all scram-sha-256",
    ],
  });
  await cluster.sql(
    `create role certified login; create role tls_only login password 'x12345'; create role plain_only login password 'x12345'`,
  );
  await serve(good);
});
afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function using<Result>(
  changes: Partial<ConnectionSettings>,
  work: (db: Session) => Promise<Result>,
): Promise<Result> {
  const db = await connectTo(cluster, changes);
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

async function refused(changes: Partial<ConnectionSettings>): Promise<PgkeepError> {
  const outcome = await connectTo(cluster, changes).catch((error: PgkeepError) => error);
  if (outcome instanceof Error) return outcome;
  await outcome.close();
  throw new Error("the connection was accepted");
}

const at = (host: string) => ({ hosts: [{ host, port: cluster.port }] });
const verified = (sslMode: SslMode, host = "localhost") => ({ ...at(host), sslMode, tlsFiles: { rootCert: caFile } });

/** The server's own view: version and cipher of this connection, null without TLS. */
const serverView = async (db: Session) =>
  (await db.query("select version, ssl from pg_stat_ssl where pid = pg_backend_pid()"))[0];

describe("the six modes with a good server", () => {
  it.each([
    ["disable", "f"],
    ["allow", "f"],
    ["prefer", "t"],
    ["require", "t"],
    ["verify-ca", "t"],
    ["verify-full", "t"],
  ] as const)("%s: the server sees TLS = %s", async (sslMode, ssl) => {
    await using(verified(sslMode), async (db) => {
      expect(await serverView(db)).toMatchObject({ ssl });
      const isVerified = ["require", "verify-ca", "verify-full"].includes(sslMode);
      expect(db.target.tls).toEqual(ssl === "t" ? { protocol: "TLSv1.3", verified: isVerified } : undefined);
    });
  });

  it("allow goes to TLS where the server refuses anything else; prefer goes without", async () => {
    const password = async () => new Secret("x12345");
    await using({ ...verified("allow"), user: "tls_only", password }, async (db) => {
      expect(db.target.tls).toBeDefined();
    });
    await using({ ...verified("prefer"), user: "plain_only", password }, async (db) => {
      expect(db.target.tls).toBeUndefined();
    });
    expect(await refused({ ...verified("disable"), user: "tls_only", password })).toMatchObject({
      code: "CONNECT_REJECTED",
    });
    expect(await refused({ ...verified("require"), user: "plain_only", password })).toMatchObject({
      code: "CONNECT_REJECTED",
    });
  });

  it("without any root certificate require encrypts and believes, verify-ca refuses", async () => {
    await using({ sslMode: "require" }, async (db) => expect(db.target.tls?.verified).toBe(false));
    expect(await refused({ sslMode: "verify-ca" })).toMatchObject({ code: "CONNECT_TLS_FILE" });
  });

  it("a Unix socket is used without TLS in every mode", async () => {
    await using({ ...verified("verify-full"), ...at(cluster.socketDir) }, async (db) => {
      expect(db.target.tls).toBeUndefined();
    });
  });

  it("[BX-08] verify-full checks addresses as well as names", async () => {
    await using(verified("verify-full", "127.0.0.1"), async (db) => expect(db.target.tls?.verified).toBe(true));
  });

  it("the name in the certificate may differ from the address that is dialled", async () => {
    const hosts = [{ host: "localhost", port: cluster.port, address: "127.0.0.1" }];
    await using({ ...verified("verify-full"), hosts }, async (db) => expect(db.target.tls?.verified).toBe(true));
    const wrong = [{ host: "db.example", port: cluster.port, address: "127.0.0.1" }];
    expect(await refused({ ...verified("verify-full"), hosts: wrong })).toMatchObject({ code: "CONNECT_TLS_FAILED" });
  });

  it("keeps to the versions of TLS that are asked for", async () => {
    await using({ ...verified("verify-full"), tlsVersions: { max: "TLSv1.2" } }, async (db) => {
      expect(await serverView(db)).toMatchObject({ version: "TLSv1.2" });
    });
  });
});

describe("[T-04] a certificate that is wrong", () => {
  const accepts = (changes: Partial<ConnectionSettings>) =>
    using(changes, async (db) => expect(db.target.tls).toBeDefined());

  it("for its name: verify-full refuses, verify-ca does not ask", async () => {
    await serve(await issue({ commonName: "other.example", names: ["other.example"] }, authority));
    const error = await refused(verified("verify-full"));
    expect(error).toMatchObject({ code: "CONNECT_TLS_FAILED", exit: 11 });
    expect(error.parts.detail).toBe("The server's certificate is for another host name (DNS:other.example).");
    expect(error.parts.hint).toContain("a name that the certificate holds");
    await accepts(verified("verify-ca"));
    await serve(good);
  });

  it("for its date: both refuse, require without a root does not ask", async () => {
    await serve(await issue({ commonName: "localhost", names: ["localhost"], days: -1 }, authority));
    for (const mode of ["verify-ca", "verify-full", "require"] as const) {
      const { detail, hint } = (await refused(verified(mode))).parts;
      expect([detail, hint]).toEqual([expect.stringContaining("expired"), expect.stringContaining("renewed")]);
    }
    await accepts({ ...at("localhost"), sslMode: "require" });
    await serve(good);
  });

  it("signed by itself or by somebody else: both refuse, require with a root as well", async () => {
    const stranger = await createAuthority("stranger");
    const names = ["localhost"];
    for (const issued of [
      await issue({ commonName: "localhost", names }),
      await issue({ commonName: "localhost", names }, stranger),
    ]) {
      await serve(issued);
      for (const mode of ["verify-ca", "verify-full", "require"] as const) {
        const error = await refused(verified(mode));
        expect(error).toMatchObject({ code: "CONNECT_TLS_FAILED" });
        expect(error.parts.hint).toContain("--sslrootcert FILE");
      }
      await accepts({ ...at("localhost"), sslMode: "require" });
      await accepts(verified("prefer"));
    }
    await serve(good);
  });

  it("is refused even with NODE_TLS_REJECT_UNAUTHORIZED=0 in the process", async () => {
    await serve(await issue({ commonName: "localhost", names: ["localhost"] }));
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    try {
      expect(await refused(verified("verify-full"))).toMatchObject({ code: "CONNECT_TLS_FAILED" });
      expect(await refused({ ...verified("verify-ca") })).toMatchObject({ code: "CONNECT_TLS_FAILED" });
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
    await serve(good);
  });

  it("by the system's authorities: ours is not among them", async () => {
    expect(
      await refused({ ...at("localhost"), sslMode: "verify-full", tlsFiles: { rootCert: "system" } }),
    ).toMatchObject({
      code: "CONNECT_TLS_FAILED",
    });
    const asSystem = { rootCert: "system", systemBundle: caFile };
    await accepts({ ...at("localhost"), sslMode: "verify-full", tlsFiles: asSystem });
    // Without any root certificate, verify-full means the system's as well.
    await accepts({ ...at("localhost"), sslMode: "verify-full", tlsFiles: { systemBundle: caFile } });
    expect(await refused({ ...at("localhost"), sslMode: "verify-full" })).toMatchObject({ code: "CONNECT_TLS_FAILED" });
  });

  it("by its revocation, from a file and from a directory", async () => {
    const clean = write("clean.crl", await revocationList(authority, []));
    const listed = write("listed.crl", await revocationList(authority, [good.serialNumber]));
    await accepts({ ...verified("verify-ca"), tlsFiles: { rootCert: caFile, crl: clean } });
    const error = await refused({ ...verified("verify-ca"), tlsFiles: { rootCert: caFile, crl: listed } });
    expect(error.parts.detail).toContain("revoked");
    const directory = mkdtempSync(join(folder, "crls-"));
    writeFileSync(join(directory, "a.crl"), await revocationList(authority, [good.serialNumber]));
    expect(
      await refused({ ...verified("verify-ca"), tlsFiles: { rootCert: caFile, crlDirectory: directory } }),
    ).toMatchObject({
      code: "CONNECT_TLS_FAILED",
    });
  });
});

describe("client certificates", () => {
  let client: Issued;
  let cert: string;
  let key: string;
  beforeAll(async () => {
    client = await issue({ commonName: "certified", usage: "client" }, authority);
    cert = write("client.crt", client.certificate);
    key = write("client.key", client.key);
  });
  const as = (tlsFiles: ConnectionSettings["tlsFiles"], more: Partial<ConnectionSettings> = {}) => ({
    ...verified("verify-full"),
    user: "certified",
    password: undefined,
    tlsFiles: { rootCert: caFile, ...tlsFiles },
    ...more,
  });

  it("log in by the method cert", async () => {
    await using(as({ cert, key }), async (db) =>
      expect(db.target).toMatchObject({ user: "certified", authentication: "cert" }),
    );
  });

  it("are needed for that method, and have to name the role", async () => {
    expect((await refused(as({}))).exit).toBe(11);
    const other = await issue({ commonName: "somebody", usage: "client" }, authority);
    const files = { cert: write("o.crt", other.certificate), key: write("o.key", other.key) };
    expect(await refused(as(files))).toMatchObject({ code: "CONNECT_REJECTED" });
  });

  it("may have an encrypted key: with its passphrase, not without or with another", async () => {
    const encrypted = write("encrypted.key", encryptKey(client.key, "open sesame"));
    await using(as({ cert, key: encrypted }, { tlsKeyPassphrase: new Secret("open sesame") }), async (db) => {
      expect(db.target.authentication).toBe("cert");
    });
    for (const tlsKeyPassphrase of [undefined, new Secret("another one")]) {
      const error = await refused(as({ cert, key: encrypted }, { tlsKeyPassphrase }));
      expect(error).toMatchObject({ code: "CONNECT_TLS_FILE", exit: 10 });
    }
  });

  it.each([0o644, 0o640, 0o604, 0o660])("[T-07] are not used when mode %o lets others at the key", async (mode) => {
    const weak = write(`weak-${mode}.key`, client.key, mode);
    // A key of root may be readable by its group, so a key of nobody is tried.
    if (process.getuid?.() === 0) chownSync(weak, 65_534, 65_534);
    const error = await refused(as({ cert, key: weak }));
    expect(error).toMatchObject({ code: "CONNECT_TLS_FILE", parts: { hint: `chmod 0600 ${weak}` } });
  });

  it("need certificate and key together, files that exist, and that belong together", async () => {
    expect(await refused(as({ cert }))).toMatchObject({ code: "CONNECT_TLS_FILE" });
    expect(await refused(as({ key }))).toMatchObject({ code: "CONNECT_TLS_FILE" });
    expect(await refused(as({ cert: join(folder, "absent"), key }))).toMatchObject({ code: "CONNECT_TLS_FILE" });
    expect(await refused(as({ cert, key: write("foreign.key", good.key) }))).toMatchObject({
      code: "CONNECT_TLS_FILE",
    });
    expect(await refused(as({ cert: write("rubbish.crt", "rubbish"), key }))).toMatchObject({
      code: "CONNECT_TLS_FILE",
    });
  });
});

describe("channel binding", () => {
  it("is used when TLS and server allow, by default", async () => {
    await using(verified("require"), async (db) => expect(db.target.authentication).toBe("scram-sha-256-plus"));
  });

  it("is left away when disabled, and outside TLS", async () => {
    await using({ ...verified("require"), channelBinding: "disable" }, async (db) => {
      expect(db.target.authentication).toBe("scram-sha-256");
    });
    await using(verified("disable"), async (db) => expect(db.target.authentication).toBe("scram-sha-256"));
  });

  it("is enforced when required: fine inside TLS, refused without", async () => {
    await using({ ...verified("require"), channelBinding: "require" }, async (db) => {
      expect(db.target.authentication).toBe("scram-sha-256-plus");
    });
    expect(await refused({ ...verified("disable"), channelBinding: "require" })).toMatchObject({
      code: "CONNECT_AUTH_REFUSED",
    });
  });
});

describe("direct TLS", () => {
  it("starts without asking first", async () => {
    await using({ ...verified("verify-full"), sslNegotiation: "direct" }, async (db) => {
      expect(await serverView(db)).toMatchObject({ ssl: "t" });
    });
  });
});

describe("a cancel request", () => {
  it.each([
    ["without TLS", () => verified("disable")],
    ["inside TLS", () => verified("verify-full")],
    ["inside direct TLS", () => ({ ...verified("verify-full"), sslNegotiation: "direct" as const })],
    ["over a Unix socket", () => ({ ...verified("prefer"), ...at(cluster.socketDir) })],
  ])("ends the statement %s", async (_, changes) => {
    await using(changes(), async (db) => {
      const running = db.script("select pg_sleep(30)").catch((error: unknown) => error);
      await db.cancel();
      expect(await running).toMatchObject({ sqlstate: "57014" });
    });
  });

  it("with TLS never goes to a server whose certificate does not verify", async () => {
    const db = await connectTo(cluster, verified("verify-full"));
    await serve(await issue({ commonName: "localhost", names: ["localhost"] }));
    const running = db.script("select pg_sleep(1)").then(
      () => "finished",
      (error: unknown) => error,
    );
    await db.cancel();
    expect(await running).toBe("finished");
    await db.close();
    await serve(good);
  });
});
