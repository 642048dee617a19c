/** `pgkeep templates describe`: what one template does and which files it has. */
import { defineOperation } from "../base/operation.ts";
import { templateFiles, templateNamed } from "../deploy/project/templates.ts";

export default defineOperation({
  name: "templates.describe",
  summary: "Describe one template",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "templates describe",
    positionals: ["name"],
    examples: [{ line: "pgkeep templates describe basic", does: "what it does and which files it has" }],
  },
  input: (z) => z.strictObject({ name: z.string().meta({ description: "Name of the template" }) }),
  output: (z) =>
    z.strictObject({ name: z.string(), summary: z.string(), description: z.string(), files: z.array(z.string()) }),
  run: async ({ name }) => {
    const template = templateNamed(name);
    return { ...template, files: templateFiles(template) };
  },
});
