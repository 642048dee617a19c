/** `pgkeep metadata validate`: whether the metadata blocks of a project are well-formed and their ids unique. */
import { resolve } from "node:path";
import { EXIT } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { duplicateIds } from "../deploy/project/metadata.ts";
import { maxFileBytesOf, scanFiles } from "../deploy/project/scan.ts";

export default defineOperation({
  name: "metadata.validate",
  summary: "Check the metadata blocks of a project",
  description:
    "A malformed block is an error with file and line; ids that two files share are listed. Files without a block are fine.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "metadata validate",
    positionals: ["path"],
    json: "bare",
    exitCodes: [10],
    examples: [{ line: "pgkeep metadata validate ./shop", does: "in a pipeline, before a deploy" }],
  },
  input: (z) => z.strictObject({ path: z.string().meta({ description: "Directory of the project" }) }),
  output: (z) =>
    z.strictObject({
      total_files: z.int(),
      files_with_metadata: z.int(),
      files_without_metadata: z.int(),
      validation_passed: z.boolean(),
      duplicate_ids: z.array(z.string()).meta({ description: '"id: ./a, ./b" for every shared id' }),
    }),
  run: async ({ path }, { workingDirectory, environment, signal }) => {
    const options = { maxFileBytes: maxFileBytesOf(environment), signal };
    const { files } = await scanFiles(resolve(workingDirectory, path), options);
    const withMetadata = files.filter(({ metadata }) => metadata).length;
    const duplicates = duplicateIds(files);
    return {
      total_files: files.length,
      files_with_metadata: withMetadata,
      files_without_metadata: files.length - withMetadata,
      validation_passed: duplicates.length === 0,
      duplicate_ids: duplicates,
    };
  },
  exitCode: ({ validation_passed }) => (validation_passed ? EXIT.ok : EXIT.config),
});
