/** Metadata blocks: what is one, what it says, and what is refused. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PgkeepError } from "../../../../src/base/errors.ts";
import { MAX_BLOCK_BYTES, readMetadata } from "../../../../src/deploy/project/metadata.ts";
import { Problems } from "../../../../src/deploy/project/problems.ts";
import type { FileMetadata } from "../../../../src/deploy/project/project.ts";
import { readXmlRoot, XmlError } from "../../../../src/deploy/project/xml.ts";
import { expectLinearTime, repeated } from "../../../support/growth.ts";

const ID = "6f0c2a51-8e2b-4a57-9d3c-0b1f6a7c8d9e";
const block = (inner = "", attributes = `id="${ID}" idempotent="true"`) =>
  `/*\n<pgmi-meta ${attributes}>${inner}</pgmi-meta>\n*/\nselect 1;`;

function read(content: string): FileMetadata | undefined {
  const problems = new Problems();
  const metadata = readMetadata("./a.sql", content, problems);
  problems.throwIfAny();
  return metadata;
}

function refusal(content: string): PgkeepError {
  try {
    read(content);
  } catch (error) {
    return error as PgkeepError;
  }
  throw new Error("it was accepted");
}

describe("a metadata block", () => {
  it("[SA-11] gives id, idempotent, description and sort keys", () => {
    const text = block("<description> Two\r\nlines </description><sortKeys><key>010</key><key> b </key></sortKeys>");
    expect(read(text)).toEqual({
      id: ID,
      idempotent: true,
      description: " Two\nlines ",
      sortKeys: ["010", " b "],
    });
  });

  it("[SA-11] needs neither description nor keys", () => {
    expect(read(block())).toEqual({ id: ID, idempotent: true, description: "", sortKeys: [] });
    expect(read(`/* <pgmi-meta id="${ID}" idempotent="0" /> */`)?.idempotent).toBe(false);
  });

  it.each([
    ["upper case", ID.toUpperCase()],
    ["braces", `{${ID}}`],
    ["a URN", `urn:uuid:${ID}`],
    ["32 digits", ID.replaceAll("-", "")],
  ])("[SA-11] takes an id with %s", (_, id) => {
    expect(read(block("", `id="${id}" idempotent="true"`))?.id).toBe(ID);
  });

  it.each(["1", "t", "T", "TRUE", "true", "True", " true "])("[SA-11] reads idempotent %j as true", (word) => {
    expect(read(block("", `id="${ID}" idempotent="${word}"`))?.idempotent).toBe(true);
  });

  it.each(["0", "f", "F", "FALSE", "false", "False", ""])("[SA-11] reads idempotent %j as false", (word) => {
    expect(read(block("", `id="${ID}" idempotent="${word}"`))?.idempotent).toBe(false);
  });

  it("[SA-11] may have text around it, unknown parts, entities, CDATA, comments and several sortKeys", () => {
    const inner =
      "<other x='1'><key>no</key></other><!-- note --><description>a &lt;b&gt; &#x41;&#66;<![CDATA[ <c> ]]></description>" +
      "<sortKeys><key>1</key></sortKeys><sortKeys><key>2</key></sortKeys>";
    const text = `/* words before ${block(inner, `extra="x" id='${ID}' idempotent="true"`).slice(2).replace("*/", "words < after */")}`;
    expect(read(text)).toMatchObject({ description: "a <b> AB <c> ", sortKeys: ["1", "2"] });
  });

  it.each([
    ["in a literal", `select '${block().replaceAll("'", "''")}';`],
    ["in a function body", `do $$ ${block()} $$;`],
    ["in a quoted identifier", `select 1 as "${block().replaceAll('"', '""')}";`],
    ["in a line comment", `-- ${block().replaceAll("\n", " ")}`],
    ["without attributes and blank", "/* <pgmi-meta/> */"],
    ["of another case", block().replace("pgmi-meta", "PGMI-meta")],
    ["of a longer name", block().replaceAll("pgmi-meta", "pgmi-metadata")],
  ])("[SA-11] is none %s", (_, text) => expect(read(text)).toBeUndefined());

  it("[SA-11] counts inside a nested and inside an unclosed comment", () => {
    expect(read(`/* outer /* inner */ <pgmi-meta id="${ID}" idempotent="true"></pgmi-meta> */`)?.id).toBe(ID);
    expect(read(`/* <pgmi-meta id="${ID}" idempotent="true"></pgmi-meta>`)?.id).toBe(ID);
  });

  it.each([
    ["the old element", "/* <pgmi:meta id='x'/> */", /old element/],
    ["a second block", `${block()}\n${block()}`, /second <pgmi-meta>/],
    ["no id", block("", 'idempotent="true"'), /lacks the attribute "id"/],
    ["an id that is no UUID", block("", 'id="x" idempotent="true"'), /not a UUID/],
    ["the nil UUID", block("", 'id="00000000-0000-0000-0000-000000000000" idempotent="true"'), /nil UUID/],
    ["no idempotent", block("", `id="${ID}"`), /lacks the attribute "idempotent"/],
    ["another idempotent", block("", `id="${ID}" idempotent="yes"`), /neither true nor false/],
    ["a blank idempotent", block("", `id="${ID}" idempotent="  "`), /neither true nor false/],
    ["a blank description", block("<description> \n </description>"), /blank <description>/],
    ["a blank key", block("<sortKeys><key>a</key><key> </key></sortKeys>"), /blank <key>/],
    ["an empty key", block("<sortKeys><key></key></sortKeys>"), /blank <key>/],
    ["broken XML", block("<description>"), /closes <description>/],
    ["a reference to half a character", block("<description>&#xD800;</description>"), /unknown entity/],
    ["a reference to a control character", block("<description>&#1;</description>"), /unknown entity/],
    ["a control character", block("<description>\u0001</description>"), /character that XML does not allow/],
    ["an unknown entity", block("<description>&nbsp;</description>"), /unknown entity/],
    [
      "a document type",
      `/* <!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${block().slice(2)}`,
      /document type/,
    ],
    ["another root", `/* <other> <pgmi-meta id="${ID}" idempotent="true"/> </other> */`, /instead of <pgmi-meta>/],
    ["too much text", block(`<description>${"x".repeat(MAX_BLOCK_BYTES)}</description>`), /over the limit/],
  ])("[CL-21] with %s is refused", (_, text, message) => {
    const error = refusal(text);
    expect(error.message).toMatch(message);
    expect(error.message).toContain("./a.sql");
    expect({ code: error.code, exit: error.exit }).toEqual({ code: "DEPLOY_METADATA_INVALID", exit: 10 });
  });

  it("[CL-21] names the line of the comment that is wrong", () => {
    expect(refusal(`select 1;\n\n${block("", 'id="x"')}`).parts).toMatchObject({ file: "./a.sql", line: 3 });
  });

  it("may have exactly the longest length", () => {
    const empty = block("<description></description>");
    const used = Buffer.byteLength(empty.slice(2, empty.indexOf("*/")).trim());
    const full = block(`<description>${"é".repeat((MAX_BLOCK_BYTES - used) / 2)}</description>`);
    expect(read(full)?.description.length).toBeGreaterThan(5_000);
    expect(refusal(full.replace("é", "éx")).message).toMatch(/over the limit/);
  });
});

describe("the XML reader", () => {
  it("[S-08] takes or refuses any text quickly and throws nothing but its own error", () => {
    const pieces = fc.constantFrom(
      "<",
      ">",
      "</",
      "/>",
      "<a",
      "a",
      " ",
      "=",
      '"',
      "'",
      "&",
      "&lt;",
      "<!--",
      "-->",
      "<![CDATA[",
      "]]>",
      "<?",
      "?>",
      "\n",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        try {
          readXmlRoot(`<a>${parts.join("")}</a>`);
        } catch (error) {
          expect(error).toBeInstanceOf(XmlError);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([["<a>"], ["<a "], ["&"], ["<a x='"], ["<!--"], ["<"], ["  "]])(
    "[S-08] is refused in linear time up to 10 KB of %j",
    async (piece) => {
      const input = (size: number) => `<r>${repeated(piece)(size)}`;
      expect(() => readXmlRoot(input(10_000))).toThrow(XmlError);
      await expectLinearTime({ input, work: readXmlRoot, refusal: XmlError, largest: 10_000 });
    },
  );

  it("keeps namespaces out of names and refuses repeated attributes", () => {
    expect(readXmlRoot("<n:a n:x='1' xmlns:n='u'/>")).toMatchObject({ name: "a" });
    expect(() => readXmlRoot("<a x='1' x='2'/>")).toThrow(XmlError);
  });
});
