/** What an assistant should read first. */
import { defineOperation } from "../base/operation.ts";
import { SKILLS } from "./assistant/skills.ts";

export default defineOperation({
  name: "ai.overview",
  summary: "What an assistant should know first about a project",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: { command: "ai", examples: [{ line: "pgkeep ai", does: "print the overview" }] },
  input: (z) => z.strictObject({}),
  output: (z) => z.strictObject({ text: z.string() }),
  run: async () => ({ text: overview() }),
});

function overview(): string {
  return [
    "A project is a directory of SQL files with one deploy.sql. A deploy opens one session, loads every file and",
    "parameter into temporary views of it, and sends deploy.sql; that script decides what runs, in which order, and",
    "where transactions begin and end. Everything up to its first COMMIT is applied completely or not at all. The",
    "tests of the project, run by CALL pgmi_test() before that COMMIT, are the gate.",
    "",
    "Before changing a project read these guides: ai skill project-layout, deploy-script, tests.",
    "Before running one read: parameters, failures, pipelines.",
    "ai contract prints the session interface as JSON. A dry look at what would be loaded: the plan command.",
    "",
    "Guides",
    ...SKILLS.map(({ name, about }) => `  ${name.padEnd(16)} ${about}`),
    "",
  ].join("\n");
}
