/** Google Cloud SQL IAM against a metadata server and a Cloud SQL Admin API on loopback. */
import { afterAll, describe, expect, it } from "vitest";
import {
  type Answer,
  type Answering,
  askFor,
  type ReceivedRequest,
  removeCompiled,
  startProvider,
} from "./identity-provider.ts";

const TOKEN = "ya29.google-access-token-canary";
const INSTANCE = "shop-project:europe-west3:shop-db";

afterAll(removeCompiled);

/** The metadata server, and everything else by `others`. */
const metadata =
  (token: Answer | undefined, others: Answering = () => ({ status: 404, body: "" })): Answering =>
  (request) => {
    if (request.url.pathname.endsWith("/token")) {
      return token && { ...token, headers: { "Metadata-Flavor": "Google", ...token.headers } };
    }
    if (request.url.pathname.startsWith("/computeMetadata") || request.url.pathname === "/") {
      return { headers: { "Metadata-Flavor": "Google", "content-type": "text/plain" }, body: "googleapis.com" };
    }
    return others(request);
  };

const granted: Answer = { body: { access_token: TOKEN, expires_in: 3599, token_type: "Bearer" } };

const environmentOf = (origin: string) => ({
  GCE_METADATA_HOST: new URL(origin).host,
  METADATA_SERVER_DETECTION: "assume-present",
  CLOUDSDK_API_ENDPOINT_OVERRIDES_SQL: `${origin}/`,
});

const tokenRequest = (requests: ReceivedRequest[]) => requests.find(({ url }) => url.pathname.endsWith("/token"));

describe("a Cloud SQL token", () => {
  it("[T-08] comes from the metadata server, for logging in only", async () => {
    await using provider = await startProvider(metadata(granted));
    const outcome = await askFor({
      method: "google",
      options: { instance: INSTANCE },
      environment: environmentOf(provider.origin),
    });
    expect(outcome.error).toBeUndefined();
    expect(outcome.credentials?.password).toBe(TOKEN);
    expect(outcome.scrubbed).toBe("token=[secret]");
    expect(outcome.printed).toBe("[secret]");
    expect(outcome.noise).toBe("");
    const leftMs = Date.parse(outcome.credentials?.expiresAt ?? "") - Date.now();
    expect(leftMs).toBeGreaterThan(50 * 60_000);
    const request = tokenRequest(provider.requests);
    expect(request?.headers["metadata-flavor"]).toBe("Google");
    expect(request?.url.searchParams.get("scopes")).toBe("https://www.googleapis.com/auth/sqlservice.login");
  });

  it.each([
    ["deployer@shop-project.iam.gserviceaccount.com", "deployer@shop-project.iam"],
    ["deployer@shop-project.iam", undefined],
    ["alice@example.com", undefined],
  ])("for %s logs in as the role that Cloud SQL made for it", async (user, expected) => {
    await using provider = await startProvider(metadata(granted));
    const { credentials } = await askFor({
      method: "google",
      target: { user },
      environment: environmentOf(provider.origin),
    });
    expect(credentials?.user).toBe(expected);
  });

  it.each([
    ["an error", { status: 403, body: { error: "denied", access_token: "leaked-canary" } }],
    ["garbage", { body: "<html>leaked-canary</html>" }],
    ["no token", { body: { expires_in: 1 } }],
  ])("is not made up when the metadata server answers with %s", async (_what, answer) => {
    await using provider = await startProvider(metadata(answer));
    const { error } = await askFor({
      method: "google",
      environment: environmentOf(provider.origin),
      abortAfterMs: 20_000,
    });
    expect(error).toMatchObject({ code: "CONNECT_TOKEN_FAILED" });
    expect(JSON.stringify(error)).not.toContain("leaked-canary");
  });

  it("is not waited for when the command is interrupted", async () => {
    await using provider = await startProvider(metadata(undefined));
    const { error, first } = await askFor({
      method: "google",
      environment: environmentOf(provider.origin),
      abortAfterMs: 1500,
    });
    expect(error?.message).toBe("interrupted");
    expect(first).toBe("outcome");
  });

  it("needs its package, and says what to install", async () => {
    const { error } = await askFor({ method: "google", missingPackage: "google-auth-library" });
    expect(error).toMatchObject({
      code: "CONNECT_AUTH_PACKAGE_MISSING",
      parts: { hint: "npm i google-auth-library@^10.9.1" },
    });
  });

  it.each(["shop-db", "a:b", "p:r:n:x:y", "p:r:../../other", "p:r:n?x", "P:R:N "])(
    "is not asked for with the instance %j",
    async (instance) => {
      const { error } = await askFor({ method: "google", options: { instance } });
      expect(error).toMatchObject({ code: "CONNECT_AUTH_CONFIG", parts: { hint: expect.stringContaining("gcloud") } });
    },
  );
});

describe("looking an instance's address up", () => {
  const connectSettings = {
    ipAddresses: [
      { type: "PRIVATE", ipAddress: "10.1.2.3" },
      { type: "PRIMARY", ipAddress: "203.0.113.7" },
      { type: "OUTGOING", ipAddress: "203.0.113.8" },
    ],
    serverCaCert: { cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" },
    region: "europe-west3",
  };

  const locating = async (answer: Answer | undefined, instance = INSTANCE) => {
    await using provider = await startProvider(metadata(granted, () => answer));
    const outcome = await askFor({
      method: "google",
      call: "locate",
      options: instance ? { instance } : {},
      environment: environmentOf(provider.origin),
      abortAfterMs: 20_000,
    });
    return { ...outcome, requests: provider.requests };
  };

  it("asks the Cloud SQL Admin API with the same identity and gives the public address and the authority", async () => {
    const { location, requests } = await locating({ body: connectSettings });
    expect(location).toEqual({ host: "203.0.113.7", port: 5432, serverCa: connectSettings.serverCaCert.cert });
    const asked = requests.find(({ url }) => url.pathname.startsWith("/sql/"));
    expect(asked?.url.pathname).toBe("/sql/v1beta4/projects/shop-project/instances/shop-db/connectSettings");
    expect(asked?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(tokenRequest(requests)?.url.searchParams.get("scopes")).toBe(
      "https://www.googleapis.com/auth/sqlservice.admin",
    );
  });

  it("gives the private address when there is no public one", async () => {
    const [privateAddress] = connectSettings.ipAddresses;
    const { location } = await locating({ body: { ipAddresses: [privateAddress] } });
    expect(location).toEqual({ host: "10.1.2.3", port: 5432 });
  });

  it("understands projects of an organisation", async () => {
    const { requests } = await locating({ body: connectSettings }, "example.com:shop:europe-west3:db");
    expect(requests.some(({ url }) => url.pathname.includes("/projects/example.com:shop/instances/db/"))).toBe(true);
  });

  it("gives nothing without an instance, and asks nobody", async () => {
    const { location, requests, error } = await locating({ body: connectSettings }, "");
    expect([location, error, requests]).toEqual([undefined, undefined, []]);
  });

  it.each([
    ["an error", { status: 403, body: { error: { message: "not authorised" } } }],
    ["garbage", { body: "<html>" }],
    ["no address", { body: { ipAddresses: [] } }],
    ["an address that is none", { body: { ipAddresses: [{ type: "PRIMARY", ipAddress: "evil.example.com" }] } }],
    ["a redirect", { status: 302, headers: { location: "http://127.0.0.1:9/" }, body: "" }],
  ])("fails when the API answers with %s", async (_what, answer) => {
    const { error, location } = await locating(answer);
    expect(location).toBeUndefined();
    expect(error).toMatchObject({
      code: "CONNECT_TOKEN_FAILED",
      message: "could not look up the address of the Cloud SQL instance",
      parts: { hint: expect.stringContaining("--host") },
    });
    expect(JSON.stringify(error)).not.toContain(TOKEN);
  });

  it("[T-08] sends its token to no endpoint without TLS but this machine", async () => {
    const { error } = await askFor({
      method: "google",
      call: "locate",
      options: { instance: INSTANCE },
      environment: { CLOUDSDK_API_ENDPOINT_OVERRIDES_SQL: "http://sqladmin.example.com/" },
    });
    expect(error).toMatchObject({ code: "CONNECT_AUTH_CONFIG" });
  });
});
