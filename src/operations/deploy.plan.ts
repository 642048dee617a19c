/** `pgkeep plan`: what a deploy of a project would load, in which order. Connects to nothing and writes nothing. */
import { resolve } from "node:path";
import { defineOperation } from "../base/operation.ts";
import { genericId, planRows } from "../deploy/project/plan.ts";
import type { Project } from "../deploy/project/project.ts";
import { maxFileBytesOf, scanProject } from "../deploy/project/scan.ts";
import { isFixturePath } from "../deploy/project/sql-files.ts";

export default defineOperation({
  name: "deploy.plan",
  summary: "Show what a deploy would load, in which order",
  description:
    "Scans the project as a deploy does and shows its plan: every file that deploy.sql can see, by sort key and path, and " +
    "the tests. All refusals of a deploy that need no server happen here too. The project's deploy.sql decides what of the " +
    "plan runs.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "plan",
    list: "plan",
    positionals: ["path"],
    exitCodes: [10, 14],
    examples: [
      { line: "pgkeep plan ./shop", does: "files in execution order, then the tests" },
      { line: "pgkeep plan ./shop --json", does: "the same for programs, with ids and checksums" },
    ],
  },
  input: (z) => z.strictObject({ path: z.string().meta({ description: "Directory of the project" }) }),
  output: (z) =>
    z.strictObject({
      project: z.string().meta({ description: "Absolute path" }),
      files: z.int().meta({ description: "Files that a deploy loads, tests included" }),
      with_metadata: z.int(),
      plan: z.array(
        z.strictObject({
          execution_order: z.int(),
          path: z.string(),
          sort_key: z.string(),
          id: z.string().meta({ description: "From the metadata block, else the fallback id of the path" }),
          has_metadata: z.boolean(),
          idempotent: z.boolean(),
          is_sql_file: z.boolean(),
          size_bytes: z.int(),
          checksum: z.string().meta({ description: "Normalized checksum, as pgmi_plan_view has it" }),
        }),
      ),
      tests: z.array(
        z.strictObject({
          directory: z.string(),
          depth: z.int(),
          fixtures: z.array(z.string()),
          tests: z.array(z.string()),
        }),
      ),
    }),
  run: async ({ path }, { workingDirectory, environment, signal }) => {
    const options = { maxFileBytes: maxFileBytesOf(environment), signal };
    return planDocument(await scanProject(resolve(workingDirectory, path), options));
  },
});

function planDocument(project: Project) {
  return {
    project: project.root,
    files: project.files.length,
    with_metadata: project.files.filter(({ metadata }) => metadata).length,
    plan: planRows(project.files).map(({ file, sortKey, executionOrder }) => ({
      execution_order: executionOrder,
      path: file.path,
      sort_key: sortKey,
      id: file.metadata?.id ?? genericId(file.path),
      has_metadata: file.metadata !== undefined,
      idempotent: file.metadata?.idempotent ?? true,
      is_sql_file: file.isSql,
      size_bytes: file.sizeBytes,
      checksum: file.normalizedChecksum,
    })),
    tests: project.testDirectories.map((directory) => testsOf(directory, project)),
  };
}

function testsOf({ path, depth }: Project["testDirectories"][number], { files }: Project) {
  const inside = files.filter((file) => file.isSql && file.path.slice(0, file.path.lastIndexOf("/") + 1) === path);
  const paths = inside.map((file) => file.path);
  return {
    directory: path,
    depth,
    fixtures: paths.filter(isFixturePath),
    tests: paths.filter((each) => !isFixturePath(each)),
  };
}
