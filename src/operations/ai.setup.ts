/**
 * `pgkeep ai setup`: puts the instructions for assistants where they look for them.
 *
 * Text that a person changed is left alone and told of, unless --force.
 */
import { EXIT, PgkeepError } from "../base/errors.ts";
import { defineOperation, type OperationContext } from "../base/operation.ts";
import { type TextState, withText } from "./assistant/managed-text.ts";
import { ASSISTANT_NAMES, type AssistantPlace, claudeMdPlace, placesOf } from "./assistant/places.ts";
import { inspectPlaces, rootOf, writeInside } from "./assistant/setup-files.ts";
import { setupText } from "./assistant/setup-text.ts";
import { buildFacts } from "./version.ts";

interface SetupInput {
  assistant?: string | undefined;
  all?: boolean | undefined;
  global?: boolean | undefined;
  dryRun?: boolean | undefined;
  force?: boolean | undefined;
  claudeMd?: boolean | undefined;
  noClaudeMd?: boolean | undefined;
}

export default defineOperation({
  name: "ai.setup",
  summary: "Write the instructions for assistants where they look for them",
  description:
    "Each assistant reads a file of its own, or a section of a file that it shares with others; nothing outside that " +
    "section changes. The text carries the version that wrote it and a checksum, so that a text changed by hand is known: " +
    "it is left alone, and the command ends with 1, unless --force. Run it again after an update.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "ai setup",
    list: "files",
    exitCodes: [12],
    examples: [
      { line: "pgkeep ai setup --assistant agents", does: "a section in AGENTS.md of this directory" },
      { line: "pgkeep ai setup --all --dry-run", does: "what would be written for every assistant" },
    ],
  },
  input: (z) => {
    const flag = (description: string, group = "what") => z.boolean().optional().meta({ description, group });
    return z.strictObject({
      assistant: z
        .enum(ASSISTANT_NAMES)
        .optional()
        .meta({ description: `Which assistant: ${ASSISTANT_NAMES.join(", ")}`, valueName: "NAME", group: "what" }),
      all: flag("Every assistant"),
      global: flag("For all projects of this person instead of this directory"),
      claudeMd: flag("Also a section in CLAUDE.md, which is read at every start"),
      noClaudeMd: flag("No section in CLAUDE.md, and no question about it"),
      dryRun: flag("Say what would be written, write nothing", "safety"),
      force: flag("Replace text that was changed by hand", "safety"),
    });
  },
  output: (z) =>
    z.strictObject({
      dry_run: z.boolean(),
      files: z.array(
        z.strictObject({
          path: z.string(),
          assistant: z.string(),
          action: z.enum(["created", "updated", "unchanged", "left_alone"]),
        }),
      ),
    }),
  run: async (input, context) => {
    const isGlobal = input.global ?? false;
    const root = rootOf(isGlobal, context);
    const places = await wantedPlaces(input, context);
    const text = { text: setupText(), version: buildFacts().version };
    const found = await inspectPlaces(root, places, text.text);
    const files = found.map(({ place, content, state }) => {
      context.signal.throwIfAborted();
      const action = actionFor(state, input.force ?? false);
      const isWriting = action === "created" || action === "updated";
      if (isWriting && !input.dryRun) writeInside({ root, path: place.path }, withText(place, content, text));
      return { path: place.path, assistant: place.assistant, action };
    });
    return { dry_run: input.dryRun ?? false, files };
  },
  exitCode: ({ files }) => (files.some(({ action }) => action === "left_alone") ? EXIT.failed : EXIT.ok),
});

type Action = "created" | "updated" | "unchanged" | "left_alone";

function actionFor(state: TextState, isForced: boolean): Action {
  if (state === "missing") return "created";
  if (state === "current") return "unchanged";
  return state === "stale" || isForced ? "updated" : "left_alone";
}

async function wantedPlaces(input: SetupInput, context: OperationContext): Promise<AssistantPlace[]> {
  const isGlobal = input.global ?? false;
  if (input.claudeMd && input.noClaudeMd)
    throw new PgkeepError("USAGE_ARGUMENTS", "--claude-md and --no-claude-md exclude each other", {
      hint: "Leave one of the two away.",
    });
  if (input.all && input.assistant !== undefined)
    throw new PgkeepError("USAGE_ARGUMENTS", "--all and --assistant exclude each other", {
      hint: "Leave one of the two away.",
    });
  const names = input.all ? ASSISTANT_NAMES : [input.assistant ?? (await askAssistant(context))];
  const places = placesOf(names, isGlobal);
  if (places.length === 0)
    throw new PgkeepError("USAGE_ARGUMENTS", "this assistant has no file for all projects", {
      hint: "Leave --global away to write into this directory.",
    });
  if (names.includes("claude") && (await wantsClaudeMd(input, context))) places.push(claudeMdPlace(isGlobal));
  return places;
}

async function askAssistant({ prompt }: OperationContext): Promise<string> {
  if (!prompt)
    throw new PgkeepError("USAGE_ARGUMENTS", "no assistant was named", {
      hint: `Give --assistant with one of ${ASSISTANT_NAMES.join(", ")}, or --all.`,
    });
  const choices = ASSISTANT_NAMES.map((value) => ({ value, label: value }));
  const answer = await prompt.choose("assistant", choices);
  if (answer !== undefined) return answer;
  throw new PgkeepError("CANCELLED", "no assistant was chosen", { state: "nothing was written" });
}

async function wantsClaudeMd({ claudeMd, noClaudeMd }: SetupInput, { prompt }: OperationContext): Promise<boolean> {
  if (claudeMd || noClaudeMd) return claudeMd === true;
  return (await prompt?.confirm("also add a section to CLAUDE.md?")) ?? false;
}
