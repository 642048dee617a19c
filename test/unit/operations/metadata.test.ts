/** The metadata commands: plan, validate, and a scaffold that changes neither ids nor order. */
import { chmodSync, readdirSync, readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { genericId, planRows } from "../../../src/deploy/project/plan.ts";
import { scanFiles } from "../../../src/deploy/project/scan.ts";
import metadataPlan from "../../../src/operations/metadata.plan.ts";
import metadataScaffold from "../../../src/operations/metadata.scaffold.ts";
import metadataValidate from "../../../src/operations/metadata.validate.ts";
import { runOperation } from "../../support/operation.ts";
import { failureOf, temporaryDirectory, temporaryProject } from "../../support/project.ts";

const ID = "6f0c2a51-8e2b-4a57-9d3c-0b1f6a7c8d9e";
const block = (id: string, keys = "") =>
  `/* <pgmi-meta id="${id}" idempotent="false"><description>d</description><sortKeys>${keys}</sortKeys></pgmi-meta> */\n`;
const scan = (root: string) => scanFiles(root, { maxFileBytes: 1_000_000, signal: new AbortController().signal });

describe("metadata plan", () => {
  it("[TL-01] lists SQL files that are no tests by smallest sort key, with fallbacks for those without a block", async () => {
    using project = temporaryProject({
      "b.sql": block(ID, "<key>z</key><key>!first</key>"),
      "a.sql": "",
      "notes.md": "",
      "__test__/t.sql": "",
    });
    const { output } = await runOperation(metadataPlan, { path: project.path });
    expect(output).toEqual({
      total_files: 2,
      plan: [
        { path: "./b.sql", id: ID, idempotent: false, sort_keys: ["z", "!first"], description: "d" },
        {
          path: "./a.sql",
          id: genericId("./a.sql"),
          idempotent: true,
          sort_keys: ["./a.sql"],
          description: "No metadata (fallback)",
        },
      ],
    });
  });

  it("[TL-01] takes a path relative to the working directory", async () => {
    using project = temporaryDirectory({ "sub/a.sql": "" });
    const { output } = await runOperation(metadataPlan, { path: "sub" }, { workingDirectory: project.path });
    expect(output.plan.map(({ path }) => path)).toEqual(["./a.sql"]);
  });
});

describe("metadata validate", () => {
  it("[TL-02] counts all scanned files and passes", async () => {
    using project = temporaryProject({ "a.sql": block(ID), "b.sql": "", "c.txt": "" });
    const { output, exitCode } = await runOperation(metadataValidate, { path: project.path });
    expect(output).toEqual({
      total_files: 3,
      files_with_metadata: 1,
      files_without_metadata: 2,
      validation_passed: true,
      duplicate_ids: [],
    });
    expect(exitCode).toBe(0);
  });

  it("[TL-02] lists shared ids and does not pass", async () => {
    using project = temporaryProject({ "b.sql": block(ID), "a.sql": block(ID) });
    const { output, exitCode } = await runOperation(metadataValidate, { path: project.path });
    expect(output).toMatchObject({ validation_passed: false, duplicate_ids: [`${ID}: ./a.sql, ./b.sql`] });
    expect(exitCode).toBe(10);
  });

  it("[TL-02] fails on malformed blocks with every file and its line", async () => {
    using project = temporaryProject({ "a.sql": "/* <pgmi-meta id='x'> */", "b.sql": "\n/* <pgmi:meta > */" });
    const error = await failureOf(() => runOperation(metadataValidate, { path: project.path }));
    expect(error).toMatchObject({ code: "DEPLOY_METADATA_INVALID", exit: 10 });
    expect(error.parts.detail?.split("\n").map((line) => line.slice(-8))).toEqual(["(line 1)", "(line 2)"]);
  });
});

describe("metadata scaffold", () => {
  const files = {
    "b.sql": "select 2;\n",
    "a-b/x.sql": "\ufeffselect 1;\r\n",
    "a/y.sql": block(ID, "<key>0</key>"),
    "notes.md": "x",
    "__test__/t.sql": "",
    "a & b <c>/d*e.sql": "select 3;",
    "star*/x.sql": "select 4;",
  };

  it("[TL-03] shows the blocks and writes nothing without --write", async () => {
    using project = temporaryProject(files);
    const { output } = await runOperation(metadataScaffold, { path: project.path });
    expect(output.written).toBe(false);
    expect(output.files.map(({ path }) => path)).toEqual([
      "./a & b <c>/d*e.sql",
      "./a-b/x.sql",
      "./b.sql",
      "./star*/x.sql",
    ]);
    expect(readFileSync(project.at("b.sql"), "utf8")).toBe(files["b.sql"]);
  });

  it("[BX-14] writes the id and key that each file has anyway, so neither ids nor order change", async () => {
    using project = temporaryProject(files);
    const identities = async () =>
      planRows((await scan(project.path)).files).map(({ file, sortKey }) => [
        file.metadata?.id ?? genericId(file.path),
        sortKey,
      ]);
    const before = await identities();
    await runOperation(metadataScaffold, { path: project.path, write: true });
    expect(await identities()).toEqual(before);
  });

  it("[BX-14] [TL-03] finds nothing the second time, keeps modes and contents, leaves no other file behind", async () => {
    using project = temporaryProject(files);
    chmodSync(project.at("b.sql"), 0o751);
    await runOperation(metadataScaffold, { path: project.path, write: true, idempotent: false });
    expect(statSync(project.at("b.sql")).mode & 0o7777).toBe(0o751);
    expect(readFileSync(project.at("b.sql"), "utf8")).toMatch(/^\/\*\n<pgmi-meta [\s\S]*\*\/\nselect 2;\n$/);
    expect(readdirSync(project.path).filter((name) => name.startsWith("."))).toEqual([]);
    const second = await runOperation(metadataScaffold, { path: project.path, write: true });
    expect(second.output.files).toEqual([]);
    const { files: scanned } = await scan(project.path);
    expect(scanned.find(({ path }) => path === "./b.sql")?.metadata?.idempotent).toBe(false);
  });

  it("[BX-14] does not change the normalized checksum, so ledgers stay true", async () => {
    using project = temporaryProject(files);
    const checksums = async () =>
      (await scan(project.path)).files.map(({ path, normalizedChecksum }) => [path, normalizedChecksum]);
    const before = await checksums();
    await runOperation(metadataScaffold, { path: project.path, write: true });
    expect(await checksums()).toEqual(before);
  });
});
