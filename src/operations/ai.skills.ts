/** The guides for assistants, by name. */
import { defineOperation } from "../base/operation.ts";
import { SKILLS } from "./assistant/skills.ts";

export default defineOperation({
  name: "ai.skills",
  summary: "List the guides for assistants",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "ai skills",
    list: "skills",
    examples: [{ line: "pgkeep ai skills", does: "names and what each answers" }],
  },
  input: (z) => z.strictObject({}),
  output: (z) => z.strictObject({ skills: z.array(z.strictObject({ name: z.string(), about: z.string() })) }),
  run: async () => ({ skills: SKILLS.map(({ name, about }) => ({ name, about })) }),
});
