/** One guide for assistants. */
import { PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { nearestName } from "../base/suggest.ts";
import { SKILLS } from "./assistant/skills.ts";

const NAMES = SKILLS.map(({ name }) => name);

export default defineOperation({
  name: "ai.skill",
  summary: "Print one guide for assistants",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "ai skill",
    positionals: ["name"],
    examples: [{ line: "pgkeep ai skill tests", does: "how tests gate a deploy" }],
  },
  input: (z) => z.strictObject({ name: z.string().meta({ description: "Name of the guide", suggest: NAMES }) }),
  output: (z) => z.strictObject({ name: z.string(), about: z.string(), text: z.string() }),
  run: async ({ name }) => {
    const skill = SKILLS.find((each) => each.name === name);
    if (skill) return skill;
    const near = nearestName(name, NAMES);
    throw new PgkeepError("USAGE_UNKNOWN_NAME", "there is no such guide", {
      hint: near ? `Did you mean "${near}"?` : `Known: ${NAMES.join(", ")}.`,
    });
  },
});
