/** `pgkeep info`: what a project directory holds, in numbers. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf, PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { PGMI_YAML, readPgmiYaml } from "../config/pgmi-yaml.ts";
import { compareBytes } from "../deploy/project/byte-order.ts";
import type { ProjectFile } from "../deploy/project/project.ts";
import { maxFileBytesOf, scanFiles } from "../deploy/project/scan.ts";
import { directoryOf } from "../deploy/project/sql-files.ts";

export default defineOperation({
  name: "deploy.info",
  summary: "Show what a project directory holds",
  description:
    "Counts files by kind and directory and says whether deploy.sql and pgmi.yaml are there and usable. Offline.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "info",
    positionals: ["path?"],
    json: "bare",
    exitCodes: [10],
    examples: [
      { line: "pgkeep info", does: "about the current directory" },
      { line: "pgkeep info ./shop --json", does: "for programs" },
    ],
  },
  input: (z) => z.strictObject({ path: z.string().default(".").meta({ description: "Directory of the project" }) }),
  output: (z) =>
    z.strictObject({
      path: z.string().meta({ description: "Absolute path" }),
      template: z.enum(["advanced", "basic", "unknown"]).meta({ description: "Which template the layout resembles" }),
      deploySql: z.boolean(),
      configFile: z.string().meta({ description: "ok, absent, or error: and why" }),
      totalFiles: z.int(),
      sqlFiles: z.int(),
      testFiles: z.int(),
      metadataWith: z.int(),
      directories: z.record(z.string(), z.int()).meta({ description: "Files directly in each directory" }),
    }),
  run: async ({ path }, { workingDirectory, environment, signal }) => {
    const options = { maxFileBytes: maxFileBytesOf(environment), signal };
    // A run from the command table has no schema to fill in defaults.
    const { root, files } = await scanFiles(resolve(workingDirectory, path ?? "."), options);
    const deploySql = existsSync(join(root, "deploy.sql"));
    return {
      path: root,
      template: templateOf(files, deploySql),
      deploySql,
      configFile: await configState(root),
      totalFiles: files.length,
      sqlFiles: files.filter(({ isSql }) => isSql).length,
      testFiles: files.filter(({ isTest }) => isTest).length,
      metadataWith: files.filter(({ metadata }) => metadata).length,
      directories: filesByDirectory(files),
    };
  },
});

function templateOf(files: readonly ProjectFile[], deploySql: boolean): "advanced" | "basic" | "unknown" {
  if (files.some(({ path }) => path.startsWith("./lib/api/"))) return "advanced";
  return deploySql ? "basic" : "unknown";
}

async function configState(root: string): Promise<string> {
  try {
    return (await readPgmiYaml(root)) ? "ok" : "absent";
  } catch (error) {
    const detail = error instanceof PgkeepError ? error.parts.detail : undefined;
    return `error: ${detail ?? messageOf(error).replace(`${PGMI_YAML}:`, "line ")}`;
  }
}

function filesByDirectory(files: readonly ProjectFile[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { path } of files) counts.set(directoryOf(path), (counts.get(directoryOf(path)) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => compareBytes(a, b)));
}
