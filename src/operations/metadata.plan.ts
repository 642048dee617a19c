/** `pgkeep metadata plan`: the SQL files of a project with their metadata, in plan order. */
import { resolve } from "node:path";
import { defineOperation } from "../base/operation.ts";
import { compareBytes } from "../deploy/project/byte-order.ts";
import { fallbackMetadata } from "../deploy/project/plan.ts";
import type { ProjectFile } from "../deploy/project/project.ts";
import { maxFileBytesOf, scanFiles } from "../deploy/project/scan.ts";

export default defineOperation({
  name: "metadata.plan",
  summary: "List the metadata of a project's SQL files in plan order",
  description:
    "One entry per SQL file that is no test, by its smallest sort key. Files without a block show what stands in for it.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "metadata plan",
    positionals: ["path"],
    json: "bare",
    exitCodes: [10],
    examples: [{ line: "pgkeep metadata plan ./shop --json", does: "ids, sort keys and descriptions" }],
  },
  input: (z) => z.strictObject({ path: z.string().meta({ description: "Directory of the project" }) }),
  output: (z) =>
    z.strictObject({
      total_files: z.int(),
      plan: z.array(
        z.strictObject({
          path: z.string(),
          id: z.string(),
          idempotent: z.boolean(),
          sort_keys: z.array(z.string()),
          description: z.string(),
        }),
      ),
    }),
  run: async ({ path }, { workingDirectory, environment, signal }) => {
    const options = { maxFileBytes: maxFileBytesOf(environment), signal };
    const { files } = await scanFiles(resolve(workingDirectory, path), options);
    const plan = files
      .filter(({ isSql, isTest }) => isSql && !isTest)
      .map(entryOf)
      .sort((a, b) => compareBytes(smallest(a.sort_keys), smallest(b.sort_keys)) || compareBytes(a.path, b.path));
    return { total_files: plan.length, plan };
  },
});

const NO_METADATA = "No metadata (fallback)";

function entryOf({ path, metadata }: ProjectFile) {
  const { id, idempotent, sortKeys, description } = metadata ?? { ...fallbackMetadata(path), description: NO_METADATA };
  return { path, id, idempotent, sort_keys: sortKeys.length > 0 ? [...sortKeys] : [path], description };
}

function smallest(keys: readonly string[]): string {
  return [...keys].sort(compareBytes)[0] ?? "";
}
