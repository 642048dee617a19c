/** All formats of an audit: one document, one set of findings, and no text of a stranger that acts on a reader. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { afterEach, describe, expect, it } from "vitest";
import { index } from "../../../../src/audit/reporters/index.ts";
import { forgetSecretsForTests, registerSecret } from "../../../../src/base/secrets.ts";
import { EVERYTHING, inFormat, markupResults } from "../../../support/audit/formats.ts";
import { found, hostileResults, sampleDocument, sampleResult } from "../../../support/audit/sample.ts";
import { HOSTILE_NAMES } from "../../../support/hostile-names.ts";
import { needs } from "../../../support/needs.ts";

/** Formats for which somebody else wrote down what is valid. */
const SCHEMA_FORMATS = ["junit", "sarif"];

const FORMATS = Object.keys(index) as (keyof typeof index)[];

/** Fingerprints that a text holds, sorted. */
function fingerprintsIn(text: string): string[] {
  const known = new Set(EVERYTHING.findings.map(({ fingerprint }) => fingerprint));
  return [...new Set(text.match(/\b[0-9a-f]{16}\b/g) ?? [])].filter((one) => known.has(one)).sort();
}

describe("the findings of one run", () => {
  const all = EVERYTHING.findings.map(({ fingerprint }) => fingerprint).sort();

  it.each(["json", ...FORMATS])("are all in %s, and no others", async (format) => {
    expect(fingerprintsIn(await inFormat(format, EVERYTHING))).toEqual(all);
  });

  it("are all in the human text, the accepted ones with their waiver", async () => {
    const text = await inFormat("human", EVERYTHING);
    for (const { object, check } of EVERYTHING.findings) {
      expect(text).toContain(object);
      expect(text).toContain(check);
    }
    expect(text).toContain("accepted by dba@example.org until 2027-01-31");
  });

  it.each(["human", ...FORMATS.filter((name) => name !== "github")])("[U-08] show the waiver in %s", async (format) => {
    const text = await inFormat(format, EVERYTHING);
    expect(text).toContain("break_glass".replace("_", format === "md" ? "&#95;" : "_"));
    expect(text).toMatch(/dba(@|&#64;)example\.org/);
    expect(text).toMatch(/2027(-|&#45;)01(-|&#45;)31/);
  });

  it.each(["human", ...FORMATS])("and what is unknown are told in %s", async (format) => {
    expect(await inFormat(format, EVERYTHING)).toMatch(/unknown/i);
  });
});

describe("[U-04] hostile names", () => {
  const document = sampleDocument(hostileResults(), { display: { full: true, listUnknown: true } });
  const TEXTS = ["human", "github", "html", "md"];

  it.each(TEXTS)("do not act on who reads %s", async (format) => {
    const text = await inFormat(format, document);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be there.
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/);
  });

  it.each(["json", "sarif"])("are exact in %s, which is valid JSON of ASCII controls", async (format) => {
    const text = await inFormat(format, document);
    const objects = new Set<string>();
    JSON.parse(text, (key, value) => {
      if (key === "object" || key === "name") objects.add(String(value));
      return value;
    });
    for (const name of HOSTILE_NAMES) expect(objects).toContain(name);
  });

  it.for(SCHEMA_FORMATS)("leave %s valid", async (format, context) => {
    needsValidator(format)(context);
    expect(await validity(format, await inFormat(format, document))).toEqual(VALID);
    expect(await validity(format, await inFormat(format, sampleDocument(markupResults(), {})))).toEqual(VALID);
  });
});

const VALID = { problems: [] };

describe("the schema of the format", () => {
  it.for(SCHEMA_FORMATS)("holds %s with everything in it", async (format, context) => {
    needsValidator(format)(context);
    expect(await validity(format, await inFormat(format, EVERYTHING))).toEqual(VALID);
  });

  it.for(SCHEMA_FORMATS)("holds %s of a run without findings, and of files alone", async (format, context) => {
    needsValidator(format)(context);
    const empty = sampleDocument([], { parts: { target: undefined, databases: [] } });
    expect(await validity(format, await inFormat(format, empty))).toEqual(VALID);
  });

  it.for(SCHEMA_FORMATS)("holds %s of an audit that could not be made", async (format, context) => {
    needsValidator(format)(context);
    const failure = { code: "CONNECT_REFUSED", message: "no <server>", detail: "x", hint: undefined, exitCode: 11 };
    const text = (await reporter(format)).renderFailure(failure);
    expect(await validity(format, text)).toEqual(VALID);
    expect(text).toContain("CONNECT_REFUSED");
  });

  it.for([
    ["sarif", '{"version":"2.1.0"}'],
    ["junit", "<testsuites><testcase/></testsuites>"],
  ] as const)("of %s is the right one: it refuses what is no report", async ([format, text], context) => {
    needsValidator(format)(context);
    expect((await validity(format, text)).problems).not.toEqual([]);
  });
});

const reporter = async (name: string) => (await index[name as keyof typeof index]()).default;

const XMLLINT = "/usr/bin/xmllint";

function needsValidator(format: string) {
  return needs(format !== "junit" || existsSync(XMLLINT), "Debian package libxml2-utils is not installed");
}

/** What the format's own schema finds wrong. */
async function validity(format: string, text: string): Promise<{ problems: unknown[] }> {
  return format === "sarif" ? await sarifValidity(text) : junitValidity(text);
}

const SCHEMAS = new URL("../../../fixtures/schemas/", import.meta.url);

async function sarifValidity(text: string) {
  // The schema says draft 4; what it uses of it means the same in draft 7, except for the word `id`.
  const {
    $schema: _,
    id: __,
    ...schema
  } = JSON.parse(readFileSync(new URL("sarif-2.1.0-rtm.5.json", SCHEMAS), "utf8"));
  const ajv = new Ajv({ strict: false, unicodeRegExp: false, allErrors: true, formats: FORMAT_CHECKS });
  const validate = ajv.compile(schema);
  validate(JSON.parse(text));
  return { problems: validate.errors ?? [] };
}

/** What the formats of the schema's strings mean. */
const FORMAT_CHECKS = {
  uri: (text: string) => URL.canParse(text),
  "uri-reference": (text: string) => URL.canParse(text, "https://example.org/"),
  "date-time": (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text),
};

function junitValidity(text: string) {
  const folder = mkdtempSync(join(tmpdir(), "pgkeep-junit-"));
  try {
    const file = join(folder, "report.xml");
    writeFileSync(file, text);
    const schema = new URL("junit-jenkins.xsd", SCHEMAS).pathname;
    const { status, stderr } = spawnSync(XMLLINT, ["--noout", "--schema", schema, file], { encoding: "utf8" });
    return { problems: status === 0 ? [] : stderr.split("\n").slice(0, 3) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("[U-02] a secret that reached the report", () => {
  afterEach(forgetSecretsForTests);
  const CANARY = "c4n&ry<'\"-s3cr3t";

  it.each(FORMATS)("is not in %s", async (format) => {
    registerSecret(CANARY);
    const document = sampleDocument([
      sampleResult({ id: "SEC-001", severity: "high", outcome: found({ object: "x", detail: `saw ${CANARY}` }) }),
      sampleResult({ id: "SEC-002", outcome: { status: "unknown", reason: `not ${CANARY}`, right: undefined } }),
    ]);
    const text = await inFormat(format, document);
    expect(text).toMatch(/(\[|&#91;)secret(\]|&#93;)|\\\\\[secret/);
    expect(text).not.toContain("s3cr3t");
  });
});
