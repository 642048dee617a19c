/** Parameters: which source wins, which keys and values are taken, and that nothing about them is shown. */
import { mkdirSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { forgetSecretsForTests, scrub } from "../../../../src/base/secrets.ts";
import { type ParameterSources, resolveParameters } from "../../../../src/deploy/parameters/resolve.ts";
import { parseScramVerifier } from "../../../../src/pg/scram.ts";
import { failureOf, temporaryDirectory } from "../../../support/project.ts";

const resolve = (sources: Partial<ParameterSources>) =>
  resolveParameters({ yamlParams: [], files: [], pairs: [], workingDirectory: "/", environment: {}, ...sources });

const values = async (sources: Partial<ParameterSources>) =>
  Object.fromEntries((await resolve(sources)).parameters.map(({ key, value }) => [key, value]));

afterEach(() => forgetSecretsForTests());

describe("sources", () => {
  it("[PM-01] rank: configuration file, params files in order, --param in order", async () => {
    using directory = temporaryDirectory({ "1.params": "b=f1\nc=f1\nd=f1\nd=f1b", "2.params": "c=f2\nd=f2" });
    const result = await resolve({
      yamlParams: [
        { key: "a", value: "y" },
        { key: "b", value: "y" },
      ],
      files: ["1.params", directory.at("2.params")],
      pairs: ["d=p1", "d=p2", "e=p"],
      workingDirectory: directory.path,
    });
    expect(Object.fromEntries(result.parameters.map(({ key, value }) => [key, value]))).toEqual({
      a: "y",
      b: "f1",
      c: "f2",
      d: "p2",
      e: "p",
    });
    expect(result.counts).toEqual({
      total: 5,
      files: [
        { path: "1.params", loaded: 4, total: 4 },
        { path: directory.at("2.params"), loaded: 2, total: 4 },
      ],
      overridden: 1,
    });
  });

  it("[PM-05] do not include the environment", async () => {
    expect(await values({ environment: { env: "x", PGMI_PARAM_env: "x" } })).toEqual({});
  });

  it("[BX-12] with keys that differ only in case are one key, and the last wins", async () => {
    expect(await values({ pairs: ["apiVersion=1", "APIVERSION=2"] })).toEqual({ apiversion: "2" });
    expect(await values({ yamlParams: [{ key: "Env", value: "y" }], pairs: ["eNV=p"] })).toEqual({ env: "p" });
  });
});

describe("[PM-04] a value", () => {
  it.each([
    ["a=b=c", "b=c"],
    ["a=", ""],
    ["a= x ", " x "],
    ["a='x'", "'x'"],
    ["a=1,2", "1,2"],
    ["a=line\nbreak", "line\nbreak"],
    [`a=${"x".repeat(5_000)}`, "x".repeat(5_000)],
    ["a=😀", "😀"],
  ])("[PM-04] of --param %j is everything after the first equals sign", async (pair, value) => {
    expect(await values({ pairs: [pair] })).toEqual({ a: value });
  });

  it.each([
    [
      "a NUL character",
      [],
      [{ key: "a", value: "x\0y", origin: "pgmi.yaml:3" }],
      "pgmi.yaml:3 has a value with a NUL character",
    ],
    ["bytes that were no UTF-8", ["a=x\ufffdy"], [], "--param #1 has a value that is not valid UTF-8"],
    ["half a character", ["a=x\ud800y"], [], "--param #1 has a value that is not valid UTF-8"],
  ])("[BX-02] with %s is refused offline", async (_, given, yamlParams, message) => {
    expect(await failureOf(() => resolve({ pairs: given, yamlParams }))).toMatchObject({
      code: "DEPLOY_PARAMETER_INVALID",
      exit: 10,
      message,
    });
  });

  it("[PM-09] may be a reference in a params file and in --param, expanded once", async () => {
    using directory = temporaryDirectory({ "a.params": "a=${env:A}\nb=x-${env:B}-y\nc=$${env:A}" });
    const environment = { A: "alpha-secret", B: "${env:A}" };
    expect(
      await values({ files: ["a.params"], pairs: ["d=${env:A}"], workingDirectory: directory.path, environment }),
    ).toEqual({ a: "alpha-secret", b: "x-${env:A}-y", c: "${env:A}", d: "alpha-secret" });
  });

  it("may be a file below a secret root and nowhere else", async () => {
    using directory = temporaryDirectory();
    mkdirSync(directory.at("secrets"), { mode: 0o700 });
    writeFileSync(directory.at("secrets/pw"), "file-secret\n", { mode: 0o600 });
    writeFileSync(directory.at("outside"), "file-secret\n", { mode: 0o600 });
    const secretRoots = [directory.at("secrets")];
    expect(await values({ pairs: [`a=\${file:${directory.at("secrets/pw")}}`], secretRoots })).toEqual({
      a: "file-secret",
    });
    const outside = () => resolve({ pairs: [`a=\${file:${directory.at("outside")}}`], secretRoots });
    expect(await failureOf(outside)).toMatchObject({ code: "CONFIG_REFERENCE_UNRESOLVED", exit: 10 });
  });

  it("may turn a password into a verifier, so that the password stays here", async () => {
    const { a } = await values({ pairs: ["a=scram(${env:PW})"], environment: { PW: "correct horse" } });
    expect(parseScramVerifier(a ?? "")).toBeDefined();
    expect(scrub("x correct horse y")).toBe("x [secret] y");
    expect(scrub(a ?? "")).toBe("[secret]");
  });

  it("of the project's own file is never a reference: a project must not read the machine", async () => {
    const yamlParams = [{ key: "a", value: "${env:SECRET}" }];
    expect(await values({ yamlParams, environment: { SECRET: "s3cret-value" } })).toEqual({ a: "${env:SECRET}" });
  });

  it("that is overridden need not be resolvable", async () => {
    expect(await values({ pairs: ["a=${env:MISSING}", "a=x"] })).toEqual({ a: "x" });
  });

  it("that cannot be resolved is named by its place and reference", async () => {
    const error = await failureOf(() => resolve({ pairs: ["k=v", "db_password=${env:MISSING_ONE}"] }));
    expect(error.message).toBe("could not resolve ${env:MISSING_ONE} of --param #2");
    expect(scrub(error.message)).toBe(error.message);
  });
});

describe("[PM-04] a key", () => {
  it.each(["a", "_", "A9_", "x".repeat(63)])("[PM-04] may be %s", async (key) => {
    expect(await values({ pairs: [`${key}=1`] })).toEqual({ [key.toLowerCase()]: "1" });
  });

  it.each(["1a", "a-b", "a.b", "a b", " a", "é", "x".repeat(64), "a\n"])(
    "[BX-01] may not be %j, offline, unnamed",
    async (key) => {
      const error = await failureOf(() => resolve({ pairs: ["ok=1", `${key}=hunter2`] }));
      expect(error).toMatchObject({ code: "DEPLOY_PARAMETER_INVALID", exit: 10 });
      expect(error.message).toMatch(/^--param #2 has a key/);
      expect(error.parts.state).toBe("nothing was started");
    },
  );

  it("[S-07] called __proto__ is a key like any other", async () => {
    const { parameters } = await resolve({ pairs: ["__proto__=x", "constructor=y"] });
    expect(parameters).toEqual([
      { key: "__proto__", value: "x" },
      { key: "constructor", value: "y" },
    ]);
    expect(Reflect.get({}, "x")).toBeUndefined();
  });
});

describe("nothing secret", () => {
  it.each([["hunter2secret"], ["=hunter2secret"], ["bad-key-hunter2secret=x"], ["bad key=hunter2secret"]])(
    "[BX-03] is repeated when --param %s is malformed",
    async (pair) => {
      const error = await failureOf(() => resolve({ pairs: ["a=1", pair] }));
      expect(error.message).toMatch(/^--param #2 /);
      expect(JSON.stringify([error.message, error.parts, error.stack])).not.toContain("hunter2secret");
    },
  );

  it("[BX-03] is repeated when many are wrong; eight places are named", async () => {
    using directory = temporaryDirectory({ "x.params": "ok=1\nbad-hunter2=1" });
    const pairs = Array.from({ length: 12 }, (_, index) => `bad-hunter2-${index}=x`);
    const error = await failureOf(() => resolve({ pairs, files: ["x.params"], workingDirectory: directory.path }));
    expect(error.message).toBe("13 parameters cannot be used");
    expect(error.parts.detail).toMatch(/^x\.params:2 has a key/);
    expect(error.parts.detail).toMatch(/… and 5 more$/);
    expect(JSON.stringify([error.message, error.parts])).not.toContain("hunter2");
  });

  it("[PM-07] from a params file, a flag or a reference survives the scrubber", async () => {
    using directory = temporaryDirectory({ "x.params": "a=file-canary" });
    await resolve({
      files: ["x.params"],
      pairs: ["b=flag-canary", "c=${env:C}"],
      yamlParams: [
        { key: "env", value: "development" },
        { key: "api_token", value: "yaml-canary" },
      ],
      workingDirectory: directory.path,
      environment: { C: "reference-canary" },
    });
    expect(scrub("file-canary flag-canary reference-canary yaml-canary")).toBe("[secret] [secret] [secret] [secret]");
    expect(scrub("environment development")).toBe("environment development");
  });

  it("[PM-07] is in the counts", async () => {
    using directory = temporaryDirectory({ "x.params": "secret_key=file-canary" });
    const { counts } = await resolve({
      files: ["x.params"],
      pairs: ["b=flag-canary"],
      workingDirectory: directory.path,
    });
    expect(JSON.stringify(counts)).not.toMatch(/canary|secret_key/);
  });
});

describe("the warning about command lines", () => {
  it("[D-03] is one line for all keys that look secret, and names neither key nor value", async () => {
    const { warnings } = await resolve({ pairs: ["db_password=x1", "env=x2", "API_TOKEN=x3", "my_auth="] });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^--param #1, --param #3 looks like a secret/);
    expect(warnings[0]).not.toMatch(/db_password|API_TOKEN|x1|x3/);
  });

  it("[D-03] is a refusal in a strict run, before any reference is resolved", async () => {
    const pairs = ["db_password=hunter2-canary", "env=x2"];
    const { code, parts } = await failureOf(() => resolve({ pairs, strict: true }));
    const { detail, hint, state } = parts;
    expect([code, state]).toEqual(["DEPLOY_EXPOSURE_REFUSED", "nothing was started"]);
    expect(detail).toMatch(/^--param #1 looks like a secret/);
    expect(hint).toMatch(/--params-file.*\$\{env:NAME\}.*\$\{file:/);
    expect(`${detail}${hint}`).not.toMatch(/db_password|hunter2/);
    await expect(
      resolve({ pairs: ["db_password=${env:A}"], strict: true, environment: { A: "x" } }),
    ).resolves.toMatchObject({
      warnings: [],
    });
  });

  it("[D-03] does not come for references and params files", async () => {
    using directory = temporaryDirectory({ "x.params": "password=x" });
    const sources = { files: ["x.params"], pairs: ["db_password=${env:A}", "pw_key=scram(${env:A})"] };
    const { warnings } = await resolve({
      ...sources,
      workingDirectory: directory.path,
      environment: { A: "aaaaaaaa" },
    });
    expect(warnings).toEqual([]);
  });
});
