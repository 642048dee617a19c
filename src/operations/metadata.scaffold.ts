/** `pgkeep metadata scaffold`: writes metadata blocks into SQL files that have none. */
import { resolve } from "node:path";
import { defineOperation } from "../base/operation.ts";
import { filesWithoutMetadata, prependBlock } from "../deploy/project/scaffold.ts";
import { maxFileBytesOf, scanFiles } from "../deploy/project/scan.ts";

export default defineOperation({
  name: "metadata.scaffold",
  summary: "Give metadata blocks to SQL files that have none",
  description:
    "Shows the blocks, or writes them with --write. A block holds the id and the sort key that the file has by its path " +
    "anyway, so neither ledgers nor the order of execution change. Running it again finds nothing to do.",
  effects: "write",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "metadata scaffold",
    positionals: ["path"],
    json: "bare",
    exitCodes: [10],
    examples: [
      { line: "pgkeep metadata scaffold ./shop", does: "show what would be written" },
      { line: "pgkeep metadata scaffold ./shop --write", does: "write it" },
    ],
  },
  input: (z) =>
    z.strictObject({
      path: z.string().meta({ description: "Directory of the project" }),
      write: z
        .boolean()
        .default(false)
        .meta({ description: "Write the blocks instead of showing them", group: "safety" }),
      idempotent: z
        .boolean()
        .default(true)
        .meta({ description: "What the blocks say about running twice", group: "what" }),
    }),
  output: (z) =>
    z.strictObject({
      written: z.boolean(),
      files: z.array(z.strictObject({ path: z.string(), block: z.string() })),
    }),
  run: async ({ path, write, idempotent }, { workingDirectory, environment, signal, report }) => {
    const options = { maxFileBytes: maxFileBytesOf(environment), signal };
    const project = await scanFiles(resolve(workingDirectory, path), options);
    const files = filesWithoutMetadata(project.files, { idempotent: idempotent ?? true });
    if (write !== true) return { written: false, files };
    const contents = new Map(project.files.map((file) => [file.path, file.content]));
    for (const file of files) {
      signal.throwIfAborted();
      prependBlock(project, file, contents.get(file.path) ?? "");
      report({ type: "metadata.file_written", path: file.path });
    }
    return { written: true, files };
  },
});
