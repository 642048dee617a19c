/** AWS RDS IAM: the token checked by a second computation of the signature, and the sources of its keys. */
import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { askFor, type CredentialOutcome, removeCompiled, startProvider } from "./identity-provider.ts";

const HOST = "shop.cluster-abc.eu-central-1.rds.amazonaws.com";
const KEYS = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG+canary" };
/** No machine that runs the tests may give its own identity away. */
const OFF = { AWS_EC2_METADATA_DISABLED: "true" };
const target = { host: HOST, port: 5433, user: "app user" };

afterAll(removeCompiled);

describe("an RDS token", () => {
  it("[T-08] is a presigned request without its scheme, for host, port and user, valid for 15 minutes", async () => {
    const outcome = await askFor({
      method: "aws",
      target,
      environment: { ...OFF, ...KEYS, AWS_REGION: "eu-central-1" },
    });
    const { place, query } = expectToken(outcome);
    expect(place).toBe(`${HOST}:5433/`);
    expect(query.get("Action")).toBe("connect");
    expect(query.get("DBUser")).toBe("app user");
    expect(query.get("X-Amz-Expires")).toBe("900");
    expect(query.get("X-Amz-Algorithm")).toBe("AWS4-HMAC-SHA256");
    expect(query.get("X-Amz-Credential")).toMatch(/^AKIDEXAMPLE\/\d{8}\/eu-central-1\/rds-db\/aws4_request$/);
    expect(query.has("X-Amz-Security-Token")).toBe(false);
    const leftMs = Date.parse(outcome.credentials?.expiresAt ?? "") - Date.now();
    expect(leftMs).toBeGreaterThan(14 * 60_000);
    expect(leftMs).toBeLessThanOrEqual(15 * 60_000);
  });

  it("carries a signature that a second computation gives as well", async () => {
    const environment = { ...OFF, ...KEYS, AWS_REGION: "eu-central-1", AWS_SESSION_TOKEN: "session/token+canary==" };
    const { query, token } = expectToken(await askFor({ method: "aws", target, environment }));
    expect(query.get("X-Amz-Security-Token")).toBe("session/token+canary==");
    expect(query.get("X-Amz-Signature")).toBe(signatureOf(token, KEYS.AWS_SECRET_ACCESS_KEY));
    expect(signatureOf(token, "another key")).not.toBe(query.get("X-Amz-Signature"));
  });

  it("is different for every other host, port and user", async () => {
    const environment = { ...OFF, ...KEYS, AWS_REGION: "eu-central-1" };
    const targets = [target, { ...target, port: 5434 }, { ...target, user: "other" }, { ...target, host: `x.${HOST}` }];
    const tokens = await Promise.all(targets.map((place) => askFor({ method: "aws", target: place, environment })));
    expect(new Set(tokens.map(({ credentials }) => credentials?.password)).size).toBe(4);
  });
});

describe("the region", () => {
  const region = (outcome: CredentialOutcome) => expectToken(outcome).query.get("X-Amz-Credential")?.split("/")[2];
  const all = { AWS_REGION: "from-region", AWS_DEFAULT_REGION: "from-default" };
  const settings = { region: "from-settings" };

  it.each([
    ["the flag first", { options: { region: "from-flag" }, settings }, all, "from-flag"],
    ["then AWS_REGION", { settings }, all, "from-region"],
    ["then AWS_DEFAULT_REGION", { settings }, { AWS_DEFAULT_REGION: "from-default" }, "from-default"],
    ["then the project's settings", { settings }, {}, "from-settings"],
  ])("comes from %s", async (_what, request, variables, expected) => {
    const environment = { ...OFF, ...KEYS, ...variables };
    expect(region(await askFor({ method: "aws", target, ...request, environment }))).toBe(expected);
  });

  it("is required, and every way to give it is named", async () => {
    const { error } = await askFor({ method: "aws", target, environment: { ...OFF, ...KEYS } });
    expect(error).toMatchObject({
      code: "CONNECT_AUTH_CONFIG",
      parts: { hint: expect.stringMatching(/--aws-region.*AWS_REGION.*AWS_DEFAULT_REGION.*aws_region/) },
    });
  });
});

describe("the signing keys", () => {
  const environment = { ...OFF, AWS_REGION: "eu-central-1" };
  const accessKey = (outcome: CredentialOutcome) => expectToken(outcome).query.get("X-Amz-Credential")?.split("/")[0];

  it("[D-04] may have left the process's environment", async () => {
    expect(accessKey(await askFor({ method: "aws", target, environment, hiddenEnvironment: KEYS }))).toBe(
      "AKIDEXAMPLE",
    );
  });

  it("come from a profile when one is chosen", async () => {
    const directory = mkdtempSync(join(tmpdir(), "pgkeep-aws-"));
    const file = join(directory, "credentials");
    writeFileSync(file, "[shop]\naws_access_key_id = PROFILEKEY\naws_secret_access_key = profile-secret-canary\n");
    const variables = { AWS_PROFILE: "shop", AWS_SHARED_CREDENTIALS_FILE: file };
    expect(
      accessKey(await askFor({ method: "aws", target, environment: { ...environment, ...KEYS, ...variables } })),
    ).toBe("PROFILEKEY");
    rmSync(directory, { recursive: true });
  });

  it("come from the container's credential endpoint", async () => {
    await using provider = await startProvider(() => ({
      body: {
        AccessKeyId: "CONTAINERKEY",
        SecretAccessKey: "container-secret-canary",
        Token: "container-token-canary",
        Expiration: new Date(Date.now() + 6 * 3600_000).toISOString(),
      },
    }));
    const variables = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${provider.origin}/role`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "authorization-canary",
    };
    const outcome = await askFor({ method: "aws", target, environment: { ...environment, ...variables } });
    expect(accessKey(outcome)).toBe("CONTAINERKEY");
    expect(provider.requests[0]?.headers.authorization).toBe("authorization-canary");
  });

  it.each([
    ["an error", { status: 500, body: "canary-text" }],
    ["garbage", { body: "<html>canary-text</html>" }],
    ["half of what is needed", { body: { AccessKeyId: "X" } }],
  ])("are not made up when the endpoint answers with %s", async (_what, answer) => {
    await using provider = await startProvider(() => answer);
    const variables = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${provider.origin}/role` };
    const { error } = await askFor({
      method: "aws",
      target,
      environment: { ...environment, ...variables },
      abortAfterMs: 20_000,
    });
    expect(error).toMatchObject({ code: "CONNECT_TOKEN_FAILED", parts: { state: "not connected" } });
    expect(JSON.stringify(error)).not.toContain("canary-text");
  });

  it("are not waited for when the command is interrupted", async () => {
    await using provider = await startProvider(() => undefined);
    const variables = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${provider.origin}/role` };
    const { error, first } = await askFor({
      method: "aws",
      target,
      environment: { ...environment, ...variables },
      abortAfterMs: 700,
    });
    expect(error?.message).toBe("interrupted");
    expect(first).toBe("outcome");
  });

  it("are missing with a reason when there are none", async () => {
    const { error } = await askFor({ method: "aws", target, environment });
    expect(error).toMatchObject({
      code: "CONNECT_TOKEN_FAILED",
      parts: { detail: expect.stringMatching(/credentials/i) },
    });
  });
});

describe("what AWS cannot do", () => {
  const environment = { ...OFF, ...KEYS, AWS_REGION: "eu-central-1" };

  it("is a Unix socket", async () => {
    const { error } = await askFor({ method: "aws", target: { ...target, host: "/var/run" }, environment });
    expect(error).toMatchObject({ code: "CONNECT_AUTH_CONFIG" });
  });

  it("is a connection without a user", async () => {
    const { error } = await askFor({ method: "aws", target: { ...target, user: "" }, environment });
    expect(error).toMatchObject({
      code: "CONNECT_AUTH_CONFIG",
      parts: { hint: expect.stringContaining("--username") },
    });
  });

  it("is anything without its package, and it says what to install", async () => {
    const { error } = await askFor({ method: "aws", target, environment, missingPackage: "@aws-sdk/rds-signer" });
    expect(error).toMatchObject({
      code: "CONNECT_AUTH_PACKAGE_MISSING",
      parts: { hint: "npm i @aws-sdk/rds-signer@^3.1169.0" },
    });
  });
});

function expectToken(outcome: CredentialOutcome) {
  expect(outcome.error).toBeUndefined();
  const token = outcome.credentials?.password ?? "";
  expect(outcome.scrubbed).toBe("token=[secret]");
  expect(outcome.printed).toBe("[secret]");
  const at = token.indexOf("?");
  return { token, place: token.slice(0, at), query: new URLSearchParams(token.slice(at + 1)) };
}

/** Signature Version 4 of a presigned request, from its definition. Source: AWS, "Signature Version 4 signing process". */
function signatureOf(token: string, secretKey: string): string {
  const url = new URL(`https://${token}`);
  const encode = (text: string) =>
    encodeURIComponent(text).replace(
      /[!'()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const query = [...url.searchParams]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const emptyBody = createHash("sha256").update("").digest("hex");
  const request = ["GET", "/", query, `host:${url.host}`, "", "host", emptyBody].join("\n");
  const scope = (url.searchParams.get("X-Amz-Credential") ?? "").split("/").slice(1);
  const text = [
    "AWS4-HMAC-SHA256",
    url.searchParams.get("X-Amz-Date"),
    scope.join("/"),
    createHash("sha256").update(request).digest("hex"),
  ].join("\n");
  const sign = (key: string | Buffer, part: string) => createHmac("sha256", key).update(part).digest();
  const key = scope.reduce<string | Buffer>(sign, `AWS4${secretKey}`);
  return sign(key, text).toString("hex");
}
