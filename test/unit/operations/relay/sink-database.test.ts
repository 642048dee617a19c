/** What the connection string of a pipeline may say, when whoever wrote it is not the operator of this host. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/base/clock.ts";
import { PgkeepError } from "../../../../src/base/errors.ts";
import { forgetSecretsForTests } from "../../../../src/base/secrets.ts";
import { resolveStrictly } from "../../../../src/operations/relay/sink-database.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pgkeep-strict-"));
  writeFileSync(join(folder, "passwords"), "*:*:*:*:operators-own-password\n", { mode: 0o600 });
  writeFileSync(join(folder, "services"), "[prod]\nhost=inside\npassword=operators-own-password\n", { mode: 0o600 });
  writeFileSync(join(folder, "ca.pem"), "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
  chmodSync(join(folder, "ca.pem"), 0o644);
});
afterAll(() => {
  forgetSecretsForTests();
  rmSync(folder, { recursive: true, force: true });
});

const context = { workingDirectory: tmpdir(), signal: new AbortController().signal, clock: systemClock };
const resolve = (query: string, roots: readonly string[] = []) =>
  resolveStrictly(`postgresql://app@inbox.example:5432/shop?${query}`, context, roots);

async function refusal(query: string, roots?: readonly string[]): Promise<string> {
  const error = await resolve(query, roots).catch((caught: unknown) => caught);
  if (!(error instanceof PgkeepError)) throw new Error(`was not refused: ${query}`);
  return `${error.message} ${error.parts.detail}`;
}

describe("a pipeline's connection string", () => {
  it.each([
    ["passfile", () => join(folder, "passwords")],
    ["service", () => "prod"],
    ["servicefile", () => "/dev/zero"],
    ["servicefile", () => join(folder, "services")],
    ["sslrootcert", () => "/etc/passwd"],
    ["sslrootcert", () => "/dev/zero"],
    ["sslkey", () => "/etc/ssl/private/ssl-cert-snakeoil.key"],
    ["sslcert", () => "/proc/self/environ"],
    ["sslcrl", () => "/dev/stdin"],
    ["sslcrldir", () => "/etc"],
    ["%73ervicefile", () => "/dev/zero"],
  ])("[R-03] names no file of this host as %s", async (keyword, path) => {
    const text = await refusal(`${keyword}=${encodeURIComponent(path())}`);
    expect(text).toContain("of a pipeline's connection string is refused");
    expect(text).not.toContain("operators-own-password");
    expect(text).not.toContain("root:");
  });

  it("[R-03] has no password of the operator's, whatever host it claims to be", async () => {
    const { settings } = await resolve("hostaddr=192.0.2.1");
    expect(settings.password).toBeUndefined();
    expect(settings.sslMode).toBe("verify-full");
  });

  it("[R-03] takes certificates below a secret root, and the system's", async () => {
    const path = join(folder, "ca.pem");
    expect((await resolve(`sslrootcert=${path}`, [folder])).settings.tlsFiles.rootCert).toBe(path);
    expect((await resolve("sslrootcert=system")).settings.tlsFiles.rootCert).toBe("system");
  });

  it("[R-19] verifies TLS when it only pretends to say otherwise", async () => {
    const { settings } = await resolve(`application_name=${encodeURIComponent("x sslmode=disable")}`);
    expect(settings.sslMode).toBe("verify-full");
    expect(await refusal("sslmode=prefer")).toContain("sslmode=prefer is not used here");
  });
});
