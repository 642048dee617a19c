/** How the commands about a project look, and that names in a project cannot make a terminal do anything. */
import { describe, expect, it } from "vitest";
import type { View } from "../../../../src/cli/renderer.ts";
import configSchema from "../../../../src/cli/renderers/config.schema.ts";
import configShow from "../../../../src/cli/renderers/config.show.ts";
import deployInfo from "../../../../src/cli/renderers/deploy.info.ts";
import deployPlan from "../../../../src/cli/renderers/deploy.plan.ts";
import metadataPlan from "../../../../src/cli/renderers/metadata.plan.ts";
import metadataScaffold from "../../../../src/cli/renderers/metadata.scaffold.ts";
import metadataValidate from "../../../../src/cli/renderers/metadata.validate.ts";
import projectInit from "../../../../src/cli/renderers/project.init.ts";
import templatesDescribe from "../../../../src/cli/renderers/templates.describe.ts";
import templatesList from "../../../../src/cli/renderers/templates.list.ts";

const view: View = {
  colour: false,
  ascii: false,
  width: 80,
  isTerminal: true,
  isFitted: true,
  verbose: false,
  quiet: false,
  program: "pgkeep",
  elapsedMs: 0,
};
const pgmi: View = { ...view, program: "pgmi" };

/** Escape sequence, right-to-left mark, line break, words that CI systems obey. */
const HOSTILE = "./a\u001b[31m\u202e\n::error::x##vso[task]\u0007.sql";
const row = {
  execution_order: 1,
  path: "./a.sql",
  sort_key: "010",
  id: "6f0c2a51-8e2b-4a57-9d3c-0b1f6a7c8d9e",
  has_metadata: true,
  idempotent: false,
  is_sql_file: true,
  size_bytes: 1_234,
  checksum: "",
};

describe("deploy.plan", () => {
  const output = {
    project: "/shop",
    files: 3,
    with_metadata: 1,
    plan: [row, { ...row, execution_order: 2, path: "./notes.md", sort_key: "./notes.md", is_sql_file: false }],
    tests: [{ directory: "./__test__/", depth: 0, fixtures: ["./__test__/_setup.sql"], tests: ["./__test__/t.sql"] }],
  };

  it("shows order, sort keys that are not the path, and tests", () => {
    expect(deployPlan.result?.(output, view)).toBe(
      [
        "/shop: 3 files, 1 with metadata",
        "",
        "order  file      sort key  kind       bytes",
        "1      a.sql     010       sql, once  1,234",
        "2      notes.md  -         other      1,234",
        "",
        "tests",
        "  __test__/  1 test, with fixture",
        "",
      ].join("\n"),
    );
  });

  it("says what to do next on a terminal only", () => {
    expect(deployPlan.summary?.(output, view)).toContain("pgkeep deploy");
    expect(deployPlan.summary?.(output, { ...view, isTerminal: false })).toBeUndefined();
  });
});

describe("metadata", () => {
  const validated = { total_files: 2, files_with_metadata: 2, files_without_metadata: 0 };

  it("goes to stderr under the reference's name and to stdout under ours", () => {
    const passed = { ...validated, validation_passed: true, duplicate_ids: [] };
    expect([metadataValidate.result?.(passed, pgmi), metadataValidate.summary?.(passed, view)]).toEqual([
      "",
      undefined,
    ]);
    expect(metadataValidate.result?.(passed, view)).toBe("✓ 2 files, 2 with metadata\n");
    expect(metadataValidate.summary?.(passed, pgmi)).toBe("✓ 2 files, 2 with metadata");
    expect(metadataPlan.result?.({ total_files: 0, plan: [] }, pgmi)).toBe("");
    expect(metadataPlan.summary?.({ total_files: 0, plan: [] }, pgmi)).toBe("0 SQL files");
  });

  it("says FAILED in ASCII and lists every shared id", () => {
    const failed = { ...validated, validation_passed: false, duplicate_ids: ["x: ./a, ./b"] };
    expect(metadataValidate.result?.(failed, { ...view, ascii: true })).toBe(
      "FAILED 2 files, 2 with metadata, 1 id(s) used by more than one file\n  x: ./a, ./b\n",
    );
  });

  it("shows a preview with the way to write it, and says when there is nothing to do", () => {
    const files = [{ path: "./a.sql", block: "/*\n*/\n" }];
    expect(metadataScaffold.result?.({ written: false, files }, view)).toBe("./a.sql\n/*\n*/\n\n");
    expect(metadataScaffold.summary?.({ written: false, files }, view)).toContain("--write");
    expect(metadataScaffold.result?.({ written: true, files }, view)).toBe("./a.sql\n");
    expect(metadataScaffold.summary?.({ written: true, files }, view)).toBe("1 file written");
    expect(metadataScaffold.result?.({ written: false, files: [] }, view)).toMatch(/every SQL file/);
  });
});

describe("project.init", () => {
  const output = {
    directory: "/shop",
    template: "basic",
    embedded: false,
    files: ["a/b.sql", "a/c.sql", "d.sql"],
    kept: [".env"],
  };

  it("shows the files as a tree and names each directory once", () => {
    expect(projectInit.result?.(output, { ...view, ascii: true })).toBe(
      "/shop/\n|- .env (kept)\n|- a/\n  |- b.sql\n  |- c.sql\n|- d.sql\n",
    );
  });

  it("names the next commands, with a database only where one is needed", () => {
    expect(projectInit.summary?.(output, view)).toContain("pgkeep deploy . -d <database>");
    expect(projectInit.summary?.(output, view)).toContain("pgkeep deploy . --embedded -d <database>");
    expect(projectInit.summary?.({ ...output, embedded: true }, view)).toMatch(/pgkeep deploy \.$/);
    expect(projectInit.summary?.(output, pgmi)).toContain("pgmi info .");
  });
});

describe("templates.list and templates.describe", () => {
  it("[TL-07] print two lines for each template, and a text within the width", () => {
    expect(templatesList.result?.({ templates: [{ name: "basic", summary: "S" }] }, view)).toBe("basic\n  S\n");
    const described = { name: "basic", summary: "S", description: "word ".repeat(60).trim(), files: ["a"] };
    const lines = templatesDescribe.result?.(described, { ...view, width: 40 }).split("\n") ?? [];
    expect(lines.every((line) => line.length <= 40)).toBe(true);
    expect(lines.slice(-3)).toEqual(["files", "  a", ""]);
  });
});

describe("config.show", () => {
  it("shows of a secret that it is set and from where, and nothing of it", () => {
    const settings = [
      { name: "timeout", value: "3m", origin: "pgmi.yaml:1" },
      { name: "PGPASSWORD", value: null, origin: "environment PGPASSWORD" },
    ];
    expect(configShow.result?.({ settings, files: [] }, view)).toBe(
      "timeout     3m  (pgmi.yaml:1)\nPGPASSWORD  (set, from environment PGPASSWORD)\n",
    );
    expect(configShow.result?.({ settings: [{ name: "PGPASSWORD", value: null }], files: [] }, view)).toBe(
      "PGPASSWORD  (set)\n",
    );
    expect(configShow.result?.({ settings: [], files: [] }, view)).toMatch(/nothing is set/);
  });
});

describe("config.schema", () => {
  it("is JSON whoever reads it", () => {
    const schema = { $schema: "s", title: "t" };
    expect(JSON.parse(configSchema.result?.(schema, view) ?? "")).toEqual(schema);
  });
});

describe("[D-07] every renderer of foreign names", () => {
  const info = {
    path: HOSTILE,
    template: "basic" as const,
    deploySql: true,
    configFile: HOSTILE,
    totalFiles: 1,
    sqlFiles: 1,
    testFiles: 0,
    metadataWith: 0,
    directories: { [HOSTILE]: 1 },
  };
  const planned = { path: HOSTILE, id: "x", idempotent: true, sort_keys: [HOSTILE], description: HOSTILE };
  const tests = [{ directory: HOSTILE, depth: 5_000, fixtures: [], tests: [] }];
  const planOutput = {
    project: HOSTILE,
    files: 1,
    with_metadata: 0,
    plan: [{ ...row, path: HOSTILE, sort_key: HOSTILE }],
    tests,
  };
  const texts: Record<string, string | undefined> = {
    info: deployInfo.result?.(info, view),
    plan: deployPlan.result?.(planOutput, view),
    "metadata plan": metadataPlan.result?.({ total_files: 1, plan: [planned] }, view),
    "metadata validate": metadataValidate.result?.(
      {
        total_files: 1,
        files_with_metadata: 1,
        files_without_metadata: 0,
        validation_passed: false,
        duplicate_ids: [HOSTILE],
      },
      view,
    ),
    "metadata scaffold": metadataScaffold.result?.(
      { written: false, files: [{ path: HOSTILE, block: HOSTILE }] },
      view,
    ),
    init: projectInit.result?.(
      { directory: HOSTILE, template: "basic", embedded: false, files: [HOSTILE], kept: [] },
      view,
    ),
    "init summary": projectInit.summary?.(
      { directory: HOSTILE, template: "basic", embedded: false, files: [], kept: [] },
      view,
    ),
    "config show": configShow.result?.(
      { settings: [{ name: HOSTILE, value: HOSTILE, origin: HOSTILE }], files: [] },
      view,
    ),
  };

  it.each(Object.entries(texts))("makes them harmless: %s", (_, text) => {
    expect(text).toContain("\\u{1b}");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]|^\s*::error|##vso/m);
  });
});
