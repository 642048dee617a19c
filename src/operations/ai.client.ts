/** How a program runs a deploy and reads its result. */
import { PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { CLIENTS } from "./assistant/skills.ts";

const LANGUAGES = CLIENTS.map(({ language }) => language);

export default defineOperation({
  name: "ai.client",
  summary: "Show how a program runs a deploy and reads its result",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "ai client",
    positionals: ["language?"],
    examples: [{ line: "pgkeep ai client python", does: "an example in Python" }],
  },
  input: (z) =>
    z.strictObject({
      language: z
        .string()
        .optional()
        .meta({ description: "Programming language; all without one", suggest: LANGUAGES }),
    }),
  output: (z) => z.strictObject({ clients: z.array(z.strictObject({ language: z.string(), text: z.string() })) }),
  run: async ({ language }) => {
    const clients = CLIENTS.filter((client) => language === undefined || client.language === language);
    if (clients.length > 0) return { clients };
    throw new PgkeepError("USAGE_UNKNOWN_NAME", "there is no example in that language", {
      hint: `Known: ${LANGUAGES.join(", ")}.`,
    });
  },
});
