/** The written certificates, judged by readers that share no code with the writer. */
import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createServerCertificate } from "../../../../src/pg/embedded/certificate.ts";

const now = new Date("2026-11-21T12:00:00Z");
const { authority, certificate, key } = createServerCertificate({ now, days: 730 });
const leaf = new X509Certificate(certificate);
const issuer = new X509Certificate(authority);

describe("the server's certificate", () => {
  it("is signed by the authority, which signed itself and is one", () => {
    expect(leaf.verify(issuer.publicKey)).toBe(true);
    expect(leaf.checkIssued(issuer)).toBe(true);
    expect(issuer.verify(issuer.publicKey)).toBe(true);
    expect([issuer.ca, leaf.ca]).toEqual([true, false]);
  });

  it("is for localhost and both loopback addresses, and for nothing else", () => {
    expect(leaf.checkHost("localhost")).toBe("localhost");
    expect(leaf.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(leaf.checkIP("::1")).toBe("::1");
    expect(leaf.checkHost("db.example.com")).toBeUndefined();
    expect(leaf.checkIP("10.0.0.1")).toBeUndefined();
  });

  it("is valid from an hour ago until the given number of days from now", () => {
    expect(Date.parse(leaf.validFrom)).toBe(now.getTime() - 3_600_000);
    expect(Date.parse(leaf.validTo)).toBe(now.getTime() + 730 * 24 * 3_600_000);
  });

  it("can end after 2049, when the way to write a year changes", () => {
    const late = createServerCertificate({ now: new Date("2049-06-01T00:00:00Z"), days: 400 });
    expect(new X509Certificate(late.certificate).validTo).toMatch(/2050/);
  });

  it("belongs to the private key that comes with it, and no two calls share anything", () => {
    expect(leaf.checkPrivateKey(createPrivateKey(key))).toBe(true);
    const other = createServerCertificate({ now, days: 730 });
    expect(other.key).not.toBe(key);
    expect(new X509Certificate(other.certificate).serialNumber).not.toBe(leaf.serialNumber);
    expect(leaf.verify(new X509Certificate(other.authority).publicKey)).toBe(false);
  });

  it("has serial numbers of 16 bytes that are positive", () => {
    for (let round = 0; round < 50; round++) {
      const { serialNumber } = new X509Certificate(createServerCertificate({ now, days: 1 }).certificate);
      expect(serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
    }
  });
});

describe("the OpenSSL command line", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "pgkeep-certificate-"));
    writeFileSync(join(directory, "ca.crt"), authority);
    writeFileSync(join(directory, "server.crt"), certificate);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const openssl = (...args: string[]): string => execFileSync("openssl", args, { cwd: directory, encoding: "utf8" });

  it("accepts the chain in strict mode, for a server", () => {
    const time = String(now.getTime() / 1000);
    const flags = ["-x509_strict", "-purpose", "sslserver", "-verify_hostname", "localhost", "-attime", time];
    expect(openssl("verify", ...flags, "-CAfile", "ca.crt", "server.crt")).toBe("server.crt: OK\n");
  });

  it("reads the limits that the authority set itself", () => {
    const text = openssl("x509", "-in", "ca.crt", "-noout", "-text");
    expect(text).toMatch(/CA:TRUE, pathlen:0/);
    expect(text).toMatch(/Key Usage: critical\s+Certificate Sign\n/);
    expect(openssl("x509", "-in", "server.crt", "-noout", "-text")).toMatch(/TLS Web Server Authentication/);
  });
});

describe("a TLS connection", () => {
  it("is verified in full with nothing but the authority", async () => {
    const fresh = createServerCertificate({ now: new Date(), days: 1 });
    const server = createServer({ cert: fresh.certificate, key: fresh.key }, (socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const authorizedWith = (ca: string, servername: string) =>
      new Promise<string>((resolve) => {
        const socket = connect({ host: "127.0.0.1", port, ca, servername }, () => resolve("authorized"));
        socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)).resume();
      });
    expect(await authorizedWith(fresh.authority, "localhost")).toBe("authorized");
    expect(await authorizedWith(fresh.authority, "other.example")).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(await authorizedWith(authority, "localhost")).not.toBe("authorized");
    await new Promise((resolve) => server.close(resolve));
  });
});
