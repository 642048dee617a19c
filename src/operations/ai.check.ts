/** `pgkeep ai check`: whether the instructions for assistants are there, up to date and unchanged. */
import { EXIT } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { ASSISTANT_NAMES, claudeMdPlace, placesOf } from "./assistant/places.ts";
import { inspectPlaces, rootOf } from "./assistant/setup-files.ts";
import { setupText } from "./assistant/setup-text.ts";

export default defineOperation({
  name: "ai.check",
  summary: "Check that the instructions for assistants are there, current and unchanged",
  description:
    "Looks at one assistant's place, or at every place that holds a text of ours. Ends with 20 when a text is missing, of " +
    "another version, or changed by hand; without --assistant and with no text anywhere, that is missing too.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "ai check",
    list: "files",
    exitCodes: [20],
    examples: [
      { line: "pgkeep ai check", does: "every text of ours in this directory" },
      { line: "pgkeep ai check --assistant claude --global", does: "the text for all projects" },
    ],
  },
  input: (z) => {
    const flag = (description: string) => z.boolean().optional().meta({ description, group: "what" });
    return z.strictObject({
      assistant: z
        .enum(ASSISTANT_NAMES)
        .optional()
        .meta({ description: `Which assistant: ${ASSISTANT_NAMES.join(", ")}`, valueName: "NAME", group: "what" }),
      all: flag("Every assistant, whether it has a text or not"),
      global: flag("The files for all projects of this person"),
    });
  },
  output: (z) =>
    z.strictObject({
      files: z.array(
        z.strictObject({
          path: z.string(),
          assistant: z.string(),
          state: z.enum(["missing", "current", "stale", "edited"]),
        }),
      ),
    }),
  run: async ({ assistant, all, global }, context) => {
    const isGlobal = global ?? false;
    const wanted = placesOf(assistant === undefined ? ASSISTANT_NAMES : [assistant], isGlobal);
    const claudeMd = claudeMdPlace(isGlobal);
    const isExplicit = all === true || assistant !== undefined;
    const found = await inspectPlaces(rootOf(isGlobal, context), [...wanted, claudeMd], setupText());
    // Nobody has to have a section in CLAUDE.md; one that is there is looked at.
    const files = found.filter(({ place, state }) => state !== "missing" || (isExplicit && place !== claudeMd));
    return { files: files.map(({ place, state }) => ({ path: place.path, assistant: place.assistant, state })) };
  },
  exitCode: ({ files }) =>
    files.length > 0 && files.every(({ state }) => state === "current") ? EXIT.ok : EXIT.findings,
});
