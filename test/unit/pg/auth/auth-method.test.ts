/** What all authentication methods share: options by precedence, time limits, reasons without credentials. */
import { afterEach, describe, expect, it } from "vitest";
import packageJson from "../../../../package.json" with { type: "json" };
import { forgetSecretsForTests, registerSecret } from "../../../../src/base/secrets.ts";
import {
  type AuthMethod,
  checkToken,
  defineAuthMethod,
  loadNeededPackage,
  requestToken,
  resolveAuthOptions,
} from "../../../../src/pg/auth/auth-method.ts";
import { index } from "../../../../src/pg/auth/index.ts";
import { authMethods } from "../../../../src/pg/cloud-identity.ts";

afterEach(forgetSecretsForTests);

const option = (name: string, environment: string[], required = false) => ({
  name,
  summary: "Thing",
  flag: `cloud-${name}`,
  setting: `cloud_${name}`,
  environment,
  required,
});

const method: AuthMethod = defineAuthMethod({
  name: "cloud",
  title: "Some Cloud",
  summary: "",
  needs: { name: "some-cloud", range: "^1.2.0" },
  options: [option("region", ["CLOUD_REGION", "CLOUD_DEFAULT_REGION"], true), option("tenant", [])],
  credentials: () => Promise.reject(new Error("unused")),
});

describe("options of a method", () => {
  const flags = { region: "flag" };
  const environment = { CLOUD_REGION: "first", CLOUD_DEFAULT_REGION: "second" };
  const settings = { region: "setting", tenant: "t" };

  it.each([
    [{ flags, environment, settings }, "flag"],
    [{ flags: {}, environment, settings }, "first"],
    [{ flags: {}, environment: { CLOUD_REGION: "", CLOUD_DEFAULT_REGION: "second" }, settings }, "second"],
    [{ flags: { region: "" }, environment: {}, settings }, "setting"],
  ])("prefer flag, then environment, then settings: %j", (sources, region) => {
    expect(resolveAuthOptions(method, sources)).toEqual({ region, tenant: "t" });
  });

  it("that are required and absent name every way to give them", () => {
    expect(() => resolveAuthOptions(method, { flags: {}, environment: {}, settings: {} })).toThrow(
      expect.objectContaining({
        code: "CONNECT_AUTH_CONFIG",
        message: "Some Cloud needs the thing",
        parts: expect.objectContaining({
          hint: expect.stringMatching(
            /--cloud-region or set CLOUD_REGION or CLOUD_DEFAULT_REGION.*connection\.cloud_region/,
          ),
        }),
      }),
    );
  });
});

describe("a package that is not there", () => {
  const missing = Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });

  it("gives the command that installs it", async () => {
    await expect(loadNeededPackage(method.needs, () => Promise.reject(missing))).rejects.toMatchObject({
      code: "CONNECT_AUTH_PACKAGE_MISSING",
      exit: 10,
      parts: { hint: "npm i some-cloud@^1.2.0" },
    });
  });

  it("is not confused with one that breaks", async () => {
    const broken = new Error("broken");
    await expect(loadNeededPackage(method.needs, () => Promise.reject(broken))).rejects.toBe(broken);
  });
});

describe("requesting a token", () => {
  const never = () => new Promise<never>(() => undefined);
  const context = () => ({ signal: new AbortController().signal });

  it("[T-06] ends after its time limit, and tells the library so", async () => {
    let given: AbortSignal | undefined;
    const request = (signal: AbortSignal) => {
      given = signal;
      return never();
    };
    await expect(requestToken("Cloud", { ...context(), timeoutMs: 20 }, request)).rejects.toMatchObject({
      code: "CONNECT_TOKEN_FAILED",
      exit: 11,
      retryable: true,
      parts: { detail: "No answer within 0.02 s." },
    });
    expect(given?.aborted).toBe(true);
  });

  it("ends with the caller's reason when it is interrupted", async () => {
    const controller = new AbortController();
    const result = requestToken("Cloud", { signal: controller.signal }, never);
    controller.abort(new Error("Ctrl-C"));
    await expect(result).rejects.toThrow("Ctrl-C");
    await expect(requestToken("Cloud", { signal: controller.signal }, never)).rejects.toThrow("Ctrl-C");
  });

  it.each([
    ["a registered secret", "refused for known-secret", "refused for [secret]"],
    ["a bearer token", "sent eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_d to us", "sent [secret] to us"],
    ["a Google token", "got ya29.A0ARrdaM-x_y", "got [secret]"],
    ["a field of a form", "client_secret=abc~def&x=1", "client_secret=[secret]&x=1"],
    ["a field of JSON", '{"access_token": "short", "x": 1}', '{"access_token": [secret], "x": 1}'],
    ["a signature", "host/?X-Amz-Signature=00ff&Action=connect", "host/?X-Amz-Signature=[secret]&Action=connect"],
    ["any long opaque text", `key ${"Ab0".repeat(20)}`, "key [secret]"],
    [
      "an unparsable answer",
      "SyntaxError while parsing the response body - <html>x",
      "SyntaxError while parsing the response body",
    ],
    ["line breaks and escapes", "a\n\u001b[31mb", "a \\u{1b}[31mb"],
    ["nothing", "", "The library gave no reason."],
  ])("reports %s in the library's words, without credentials", async (_what, text, detail) => {
    registerSecret("known-secret");
    const failing = requestToken("Cloud", context(), () => Promise.reject(new Error(text)));
    await expect(failing).rejects.toMatchObject({ code: "CONNECT_TOKEN_FAILED", parts: { detail } });
  });

  it("reports nothing of an answer that broke the library", async () => {
    const broken = new TypeError("Cannot create property 'x' on string 'token'");
    await expect(requestToken("Cloud", context(), () => Promise.reject(broken))).rejects.toMatchObject({
      parts: { detail: "The answer could not be understood." },
    });
  });

  it("keeps UUIDs, which providers ask for", async () => {
    const text = "Trace ID: 0a1b2c3d-0000-4000-8000-0123456789ab";
    await expect(requestToken("Cloud", context(), () => Promise.reject(new Error(text)))).rejects.toMatchObject({
      parts: { detail: text },
    });
  });

  it("cuts long explanations", async () => {
    const failing = requestToken("Cloud", context(), () => Promise.reject(new Error("why ".repeat(1000))));
    const error = await failing.catch((e) => e);
    expect(error.parts.detail.length).toBeLessThan(410);
  });
});

describe("a token", () => {
  it("is one line of visible ASCII", () => {
    expect(checkToken("Cloud", "abc.DEF-1~=/+?&")).toBe("abc.DEF-1~=/+?&");
  });

  it.each([undefined, null, "", 7, {}, "a b", "a\n", "é", "x".repeat(65_537)])("is not %j", (token) => {
    expect(() => checkToken("Cloud", token)).toThrow(expect.objectContaining({ code: "CONNECT_TOKEN_FAILED" }));
  });
});

describe("the catalogue of methods", () => {
  it("knows the three clouds", () => {
    expect(authMethods.names()).toEqual(["aws", "azure", "google"]);
  });

  it("suggests the nearest name", async () => {
    await expect(authMethods.load("azur")).rejects.toMatchObject({
      code: "CONNECT_AUTH_METHOD_UNKNOWN",
      parts: { hint: 'Did you mean "azure"?' },
    });
  });

  it.each(Object.keys(index))(
    "%s is called as its file and needs what package.json offers as optional",
    async (name) => {
      const definition = await authMethods.load(name);
      expect(definition.name).toBe(name);
      const peers: Record<string, string> = packageJson.peerDependencies;
      const meta: Record<string, { optional: boolean }> = packageJson.peerDependenciesMeta;
      expect(peers[definition.needs.name]).toBe(definition.needs.range);
      expect(meta[definition.needs.name]).toEqual({ optional: true });
    },
  );
});
