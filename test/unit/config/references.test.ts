/** Expansion of references in configured text: one pass, every value hidden afterwards. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { forgetSecretsForTests, scrub } from "../../../src/base/secrets.ts";
import {
  DEFAULT_SECRET_ROOTS,
  hasReferences,
  isReference,
  type ReferenceOptions,
  referencesIn,
  resolveReferences,
} from "../../../src/config/references.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pgkeep-references-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
  forgetSecretsForTests();
});

const ENVIRONMENT = {
  USER_NAME: "alice",
  PASSWORD: "p@ss${env:USER_NAME}",
  FILE_CALL: "${file:/etc/passwd}",
  EMPTY: "",
  DOLLAR: "$$$&$1$`",
};

const expand = (text: string, options: Partial<ReferenceOptions> = {}) =>
  resolveReferences(text, { environment: ENVIRONMENT, ...options });

describe("expanding references", () => {
  it.each([
    ["${env:USER_NAME}", "alice"],
    ["${ENV:USER_NAME}", "alice"],
    ["postgres://${env:USER_NAME}@h/${env:USER_NAME}", "postgres://alice@h/alice"],
    ["${env:DOLLAR}", "$$$&$1$`"],
    ["plain", "plain"],
    ["", ""],
    ["${HOME} ${other:x} $x {} $ {env:USER_NAME}", "${HOME} ${other:x} $x {} $ {env:USER_NAME}"],
    ["$${env:USER_NAME}", "${env:USER_NAME}"],
    ["$${", "${"],
    ["$$${env:USER_NAME}", "$${env:USER_NAME}"],
    ["$${x} ${env:USER_NAME} $$ }", "${x} alice $$ }"],
  ])("%j becomes %j", async (text, expanded) => {
    expect(await expand(text)).toBe(expanded);
  });

  it("gives the same answer every time", async () => {
    for (let time = 0; time < 3; time++) {
      expect(hasReferences("${env:USER_NAME}")).toBe(true);
      expect(isReference("${env:USER_NAME}")).toBe(true);
      expect(await expand("${env:USER_NAME}")).toBe("alice");
    }
  });

  it("[R-04] looks at no value a second time", async () => {
    expect(await expand("${env:PASSWORD}")).toBe("p@ss${env:USER_NAME}");
    expect(await expand("${env:FILE_CALL}", { secretRoots: ["/etc"] })).toBe("${file:/etc/passwd}");
  });

  it("[R-04] forms no reference out of pieces", async () => {
    expect(await expand("${env:USER_NAME}${", {})).toBe("alice${");
    await expect(expand("${env:${env:USER_NAME}}")).rejects.toMatchObject({ code: "CONFIG_REFERENCE_UNRESOLVED" });
  });

  it("registers every value for redaction", async () => {
    await expand("${env:PASSWORD}");
    expect(scrub("it was p@ss${env:USER_NAME} indeed")).toBe("it was [secret] indeed");
  });

  it("leaves text without references as it is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (text) => {
        if (!hasReferences(text)) expect(await expand(text)).toBe(text);
      }),
    );
  });

  it("brings any text back that was escaped", async () => {
    const pieces = fc.array(fc.constantFrom("${env:USER_NAME}", "${file:/x}", "a", "}", "${", "${x}"));
    await fc.assert(
      fc.asyncProperty(pieces, async (parts) => {
        const text = parts.join(" ");
        expect(await expand(text.replaceAll("${", () => "$${"))).toBe(text);
      }),
    );
  });
});

describe("a reference without a value", () => {
  it.each([
    ["${env:MISSING}", "${env:MISSING}", /not set/],
    ["${env:EMPTY}", "${env:EMPTY}", /empty/],
    ["${env:}", "${env:}", /letters, digits/],
    ["${env:__proto__}", "${env:__proto__}", /not set/],
    ["${env:constructor}", "${env:constructor}", /not set/],
    ["${env:A B}", "${env:A B}", /letters, digits/],
    ["${env:USER_NAME", "${env:", /closing brace/],
    ["${file:/etc/hostname}", "${file:/etc/hostname}", /No directory/],
  ])("%s is named, with the reason", async (text, named, reason) => {
    await expect(expand(text, { of: 'parameter "pw"' })).rejects.toMatchObject({
      code: "CONFIG_REFERENCE_UNRESOLVED",
      exit: 10,
      message: `could not resolve ${named} of parameter "pw"`,
      parts: { detail: expect.stringMatching(reason) },
    });
  });

  it("never shows the values of its neighbours, nor control characters of its own", async () => {
    const error = await expand("${env:PASSWORD}${env:NO\u001b[31m}").catch((e) => e);
    const text = [error.message, error.parts.detail, error.parts.hint, error.stack].join("\n");
    expect(text).not.toContain("p@ss");
    expect(text).not.toContain("\u001b");
  });
});

describe("one reference and nothing else", () => {
  it.each([
    ["${env:A}", true],
    ["${file:/run/secrets/a}", true],
    ["${env:A} ", false],
    ["${env:A}${env:B}", false],
    ["$${env:A}", false],
    ["secret", false],
    ["", false],
  ])("%j: %j", (text, expected) => {
    expect(isReference(text)).toBe(expected);
  });
});

describe("references to files", () => {
  const put = (name: string, content: string | Buffer) => {
    const path = join(root, name);
    writeFileSync(path, content);
    chmodSync(path, 0o600);
    return path;
  };

  it("are read below a named root only", async () => {
    const path = put("token", "s3cret-token\n");
    expect(await expand(`\${file:${path}}`, { secretRoots: [root] })).toBe("s3cret-token");
    await expect(expand(`\${file:${path}}`, { secretRoots: [`${root}/elsewhere`] })).rejects.toThrow(
      /could not resolve/,
    );
    await expect(expand(`\${file:${path}}`)).rejects.toThrow(/could not resolve/);
  });

  it("may be larger when the caller says so, for certificates", async () => {
    const path = put("chain.pem", "x".repeat(64 * 1024 + 1));
    await expect(expand(`\${file:${path}}`, { secretRoots: [root] })).rejects.toThrow();
    const text = await expand(`\${file:${path}}`, { secretRoots: [root], maxFileBytes: 1024 * 1024 });
    expect(text).toHaveLength(64 * 1024 + 1);
  });

  it("[R-04] are not expanded themselves", async () => {
    const path = put("nested", "${env:USER_NAME}");
    expect(await expand(`\${file:${path}}`, { secretRoots: [root] })).toBe("${env:USER_NAME}");
  });

  it("have default roots only where platforms mount secrets", () => {
    expect(DEFAULT_SECRET_ROOTS).toEqual(["/run/secrets", "/var/run/secrets"]);
  });

  it("count without the white space around them where the caller says so, and are missing when nothing else is in them", async () => {
    const path = put("token", "  s3cret-token \n\n");
    const options = { secretRoots: [root], trimFiles: true };
    expect(await expand(`\${file:${path}}`, options)).toBe("s3cret-token");
    put("token", " \n");
    await expect(expand(`\${file:${path}}`, options)).rejects.toThrow(/could not resolve/);
  });
});

describe("a default", () => {
  it("stands in for a variable without value, only where the caller allows it", async () => {
    const allowed = { allowDefaults: true };
    expect(await expand("${env:NOT_SET:-guest}", allowed)).toBe("guest");
    expect(await expand("${env:EMPTY:-guest}", allowed)).toBe("guest");
    expect(await expand("${env:NOT_SET:-}", allowed)).toBe("");
    expect(await expand("${env:USER_NAME:-guest}", allowed)).toBe("alice");
    await expect(expand("${env:NOT_SET:-guest}")).rejects.toThrow(/could not resolve/);
  });

  it("is no secret, holds no reference and rescues no bad name", async () => {
    const allowed = { allowDefaults: true };
    expect(await expand("${env:NOT_SET:-visible-default}", allowed)).toBe("visible-default");
    expect(scrub("visible-default")).toBe("visible-default");
    await expect(expand("${env:NOT_SET:-${env:USER_NAME}}", allowed)).rejects.toThrow(/could not resolve/);
    await expect(expand("${env:BAD NAME:-guest}", allowed)).rejects.toThrow(/could not resolve/);
  });
});

describe("the references of a text", () => {
  it("are listed without being resolved", () => {
    expect(referencesIn("a${env:A}b${FILE:/run/b}$${env:C}")).toEqual([
      { provider: "env", argument: "A" },
      { provider: "file", argument: "/run/b" },
    ]);
    expect(referencesIn("none")).toEqual([]);
    expect(referencesIn("${env:A")).toEqual([]);
  });
});
