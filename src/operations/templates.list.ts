/** `pgkeep templates list`: the projects that init can make. */
import { defineOperation } from "../base/operation.ts";
import { TEMPLATES } from "../deploy/project/templates.ts";

export default defineOperation({
  name: "templates.list",
  summary: "List the templates for new projects",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "templates list",
    list: "templates",
    examples: [{ line: "pgkeep templates list", does: "names and what each is for" }],
  },
  input: (z) => z.strictObject({}),
  output: (z) => z.strictObject({ templates: z.array(z.strictObject({ name: z.string(), summary: z.string() })) }),
  run: async () => ({ templates: TEMPLATES.map(({ name, summary }) => ({ name, summary })) }),
});
