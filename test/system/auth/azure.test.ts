/** Azure Entra ID against token endpoints on loopback, each case in a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type Answering, askFor, type ReceivedRequest, removeCompiled, startProvider } from "./identity-provider.ts";

const RESOURCE = "https://ossrdbms-aad.database.windows.net";
const TENANT = "11111111-2222-3333-4444-555555555555";
const CLIENT = "66666666-7777-8888-9999-000000000000";
const TOKEN = "azure-access-token.canary";
const SECRET = "client-secret-canary";

afterAll(removeCompiled);

const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

/** The instance metadata service and App Service answer alike; the probe without the header gets what a real one sends. */
const managedIdentity: Answering = ({ headers }) =>
  headers.metadata === "true" || headers["x-identity-header"]
    ? { body: { access_token: TOKEN, expires_on: String(inAnHour()), resource: RESOURCE, token_type: "Bearer" } }
    : { status: 400, body: { error: "invalid_request" } };

/** Entra's own endpoint: discovery documents, then the token. */
const entra =
  (token: (request: ReceivedRequest) => { status?: number; body: unknown }): Answering =>
  (request) => {
    if (request.url.pathname.endsWith("/token")) return token(request);
    const origin = `https://${request.headers.host}`;
    return {
      body: {
        issuer: `${origin}/${TENANT}/v2.0`,
        authorization_endpoint: `${origin}/${TENANT}/oauth2/v2.0/authorize`,
        token_endpoint: `${origin}/${TENANT}/oauth2/v2.0/token`,
        jwks_uri: `${origin}/${TENANT}/discovery/v2.0/keys`,
      },
    };
  };

const granted = () => ({ body: { access_token: TOKEN, expires_in: 3600, token_type: "Bearer" } });

const tokenRequests = (requests: ReceivedRequest[]) => requests.filter(({ url }) => url.pathname.endsWith("/token"));

function expectToken(outcome: Awaited<ReturnType<typeof askFor>>): void {
  expect(outcome.error).toBeUndefined();
  expect(outcome.credentials?.password).toBe(TOKEN);
  const leftMs = Date.parse(outcome.credentials?.expiresAt ?? "") - Date.now();
  expect(leftMs).toBeGreaterThan(55 * 60_000);
  expect(leftMs).toBeLessThan(61 * 60_000);
  expect(outcome.scrubbed).toBe("token=[secret]");
  expect(outcome.printed).toBe("[secret]");
  expect(outcome.noise).toBe("");
}

describe("Azure managed identity", () => {
  it("[T-08] asks the instance metadata service for the database resource", async () => {
    await using provider = await startProvider(managedIdentity);
    const environment = { AZURE_POD_IDENTITY_AUTHORITY_HOST: provider.origin };
    expectToken(await askFor({ method: "azure", environment }));
    const request = provider.requests.find(({ headers }) => headers.metadata === "true");
    expect(request?.method).toBe("GET");
    expect(request?.url.pathname).toMatch(/^\/metadata\/identity\/oauth2\/token\/?$/);
    expect(Object.fromEntries(request?.url.searchParams ?? [])).toEqual({
      "api-version": "2018-02-01",
      resource: RESOURCE,
    });
  });

  it.each([
    ["the flag", { options: { clientId: CLIENT } }, {}],
    ["the project's settings", { settings: { clientId: CLIENT } }, {}],
    ["the environment", {}, { AZURE_CLIENT_ID: CLIENT }],
  ])("names a user-assigned identity from %s", async (_what, request, variables) => {
    await using provider = await startProvider(managedIdentity);
    const environment = { AZURE_POD_IDENTITY_AUTHORITY_HOST: provider.origin, ...variables };
    expectToken(await askFor({ method: "azure", ...request, environment }));
    const asked = provider.requests.find(({ headers }) => headers.metadata === "true");
    expect(asked?.url.searchParams.get("client_id")).toBe(CLIENT);
  });

  it("asks App Service in its own form", async () => {
    await using provider = await startProvider(managedIdentity);
    const environment = { IDENTITY_ENDPOINT: `${provider.origin}/msi/token`, IDENTITY_HEADER: "header-canary" };
    expectToken(await askFor({ method: "azure", environment }));
    const [request] = provider.requests;
    expect(request?.headers["x-identity-header"]).toBe("header-canary");
    expect(request?.url.searchParams.get("resource")).toBe(RESOURCE);
  });
});

describe("Azure service principal", () => {
  const principal = { tenantId: TENANT, clientId: CLIENT };

  it("[T-08] sends tenant, client and secret over TLS to the authority", async () => {
    await using provider = await startProvider(entra(granted), { tls: true });
    const environment = {
      AZURE_AUTHORITY_HOST: provider.origin,
      NODE_EXTRA_CA_CERTS: provider.caFile,
      AZURE_CLIENT_SECRET: SECRET,
    };
    expectToken(await askFor({ method: "azure", options: principal, environment }));
    const [request] = tokenRequests(provider.requests);
    expect(request?.method).toBe("POST");
    expect(request?.url.pathname).toBe(`/${TENANT}/oauth2/v2.0/token`);
    expect(request?.form.get("grant_type")).toBe("client_credentials");
    expect(request?.form.get("client_id")).toBe(CLIENT);
    expect(request?.form.get("client_secret")).toBe(SECRET);
    expect(request?.form.get("scope")).toContain(`${RESOURCE}/.default`);
  });

  it("[D-04] works when the secret has left the process's environment", async () => {
    await using provider = await startProvider(entra(granted), { tls: true });
    const environment = { AZURE_AUTHORITY_HOST: provider.origin, NODE_EXTRA_CA_CERTS: provider.caFile };
    const hiddenEnvironment = { AZURE_CLIENT_SECRET: SECRET };
    expectToken(await askFor({ method: "azure", options: principal, environment, hiddenEnvironment }));
  });

  it("takes tenant and client from flag, then environment, then settings", async () => {
    await using provider = await startProvider(entra(granted), { tls: true });
    const environment = {
      AZURE_AUTHORITY_HOST: provider.origin,
      NODE_EXTRA_CA_CERTS: provider.caFile,
      AZURE_CLIENT_SECRET: SECRET,
      AZURE_CLIENT_ID: "from-environment",
      AZURE_TENANT_ID: TENANT,
    };
    const settings = { clientId: "from-settings", tenantId: "from-settings" };
    expectToken(await askFor({ method: "azure", options: { clientId: CLIENT }, settings, environment }));
    const [request] = tokenRequests(provider.requests);
    expect(request?.form.get("client_id")).toBe(CLIENT);
    expect(request?.url.pathname).toContain(TENANT);
  });

  it("[D-04] repeats the provider's reason and no secret when it is refused", async () => {
    const refusal = ({ form }: ReceivedRequest) => ({
      status: 401,
      body: {
        error: "invalid_client",
        error_description: `AADSTS7000215: Invalid client secret provided: ${form.get("client_secret")} eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.x`,
      },
    });
    await using provider = await startProvider(entra(refusal), { tls: true });
    const environment = {
      AZURE_AUTHORITY_HOST: provider.origin,
      NODE_EXTRA_CA_CERTS: provider.caFile,
      AZURE_CLIENT_SECRET: SECRET,
    };
    const { error, noise } = await askFor({ method: "azure", options: principal, environment });
    expect(error).toMatchObject({ code: "CONNECT_TOKEN_FAILED", parts: { state: "not connected" } });
    expect(error?.parts?.detail).toContain("AADSTS7000215");
    expect(JSON.stringify(error) + noise).not.toMatch(/client-secret-canary|eyJ/);
  });

  it("refuses an authority without TLS", async () => {
    await using provider = await startProvider(entra(granted));
    const environment = { AZURE_AUTHORITY_HOST: provider.origin, AZURE_CLIENT_SECRET: SECRET };
    const { error } = await askFor({ method: "azure", options: principal, environment });
    expect(error?.code).toBe("CONNECT_TOKEN_FAILED");
    expect(provider.requests).toEqual([]);
  });

  it("refuses an authority whose certificate does not verify", async () => {
    await using provider = await startProvider(entra(granted), { tls: true });
    const environment = { AZURE_AUTHORITY_HOST: provider.origin, AZURE_CLIENT_SECRET: SECRET };
    const { error } = await askFor({ method: "azure", options: principal, environment, abortAfterMs: 20_000 });
    expect(error).toBeDefined();
    expect(provider.requests).toEqual([]);
  });
});

describe("Azure workload identity", () => {
  it("exchanges the projected token for one of the database", async () => {
    await using provider = await startProvider(entra(granted), { tls: true });
    const directory = mkdtempSync(join(tmpdir(), "pgkeep-federated-"));
    const tokenFile = join(directory, "token");
    writeFileSync(tokenFile, "federated-assertion-canary");
    const environment = {
      AZURE_AUTHORITY_HOST: provider.origin,
      NODE_EXTRA_CA_CERTS: provider.caFile,
      AZURE_TENANT_ID: TENANT,
      AZURE_CLIENT_ID: CLIENT,
      AZURE_FEDERATED_TOKEN_FILE: tokenFile,
    };
    expectToken(await askFor({ method: "azure", environment }));
    rmSync(directory, { recursive: true });
    const [request] = tokenRequests(provider.requests);
    expect(request?.form.get("client_assertion")).toBe("federated-assertion-canary");
    expect(request?.form.get("client_assertion_type")).toBe("urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    expect(request?.form.get("scope")).toContain(`${RESOURCE}/.default`);
  });
});

describe("an Azure endpoint that misbehaves", () => {
  const environmentOf = (origin: string) => ({
    AZURE_POD_IDENTITY_AUTHORITY_HOST: origin,
    AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
  });

  it.each([
    ["HTML", "<html>canary</html>"],
    ["an empty object", {}],
    ["a token that is no text", { access_token: { x: "canary" }, expires_on: "1" }],
    ["a token with line breaks", { access_token: "canary\nevil", expires_on: String(inAnHour()) }],
  ])("and answers with %s gives no credentials", async (_what, body) => {
    await using provider = await startProvider(() => ({ body }));
    const { error, credentials } = await askFor({
      method: "azure",
      environment: environmentOf(provider.origin),
      abortAfterMs: 20_000,
    });
    expect(credentials).toBeUndefined();
    expect(error).toMatchObject({ code: "CONNECT_TOKEN_FAILED" });
    expect(JSON.stringify(error)).not.toContain("canary");
  });

  it("and never answers is left at once when the command is interrupted", async () => {
    await using provider = await startProvider(() => undefined);
    const { error, first } = await askFor({
      method: "azure",
      environment: environmentOf(provider.origin),
      abortAfterMs: 3000,
    });
    expect(error?.message).toBe("interrupted");
    expect(first).toBe("outcome");
    expect(provider.requests.length).toBeGreaterThan(0);
  });
});

describe("without the package", () => {
  it("Azure says what to install", async () => {
    const { error } = await askFor({ method: "azure", missingPackage: "@azure/identity" });
    expect(error).toMatchObject({
      code: "CONNECT_AUTH_PACKAGE_MISSING",
      parts: { hint: "npm i @azure/identity@^4.13.1" },
    });
  });
});
