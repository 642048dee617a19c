/** `pgkeep access drift`: what left the model since somebody last looked. Changes nothing. */
import { resolve } from "node:path";
import { EXIT, PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { tameLine } from "../base/tame.ts";
import { FileRefusal, readRegularFile } from "../config/regular-file.ts";
import {
  type DifferenceEntry,
  differencesDocument,
  differencesSchema,
  entrySchema,
  keyOf,
} from "./access/difference.ts";
import { planningFields, planningOf } from "./access/planning.ts";

/** 64 MiB, as for plans. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

export default defineOperation({
  name: "access.drift",
  summary: "Say what drifted from the access model, and since when",
  description:
    "Compares as access diff does. With --since it also reads the JSON of an earlier access diff or drift, and says " +
    "which differences are new and which are gone. Ends with 20 when there is a difference; with --since only for new ones.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "access drift",
    positionals: ["model?"],
    exitCodes: [10, 11, 13, 16, 20, 130],
    examples: [
      { line: "pgkeep access drift access.yaml", does: "what differs from the model" },
      { line: "pgkeep access drift access.yaml --since yesterday.json", does: "what is new since that report" },
    ],
  },
  input: (z) =>
    z.strictObject({
      ...planningFields(z),
      since: z
        .string()
        .optional()
        .meta({ description: "JSON of an earlier diff or drift", valueName: "FILE", group: "what" }),
    }),
  output: (z) =>
    z.strictObject({
      ...differencesSchema(z),
      since: z
        .strictObject({
          file: z.string(),
          new: z.array(entrySchema(z)),
          gone: z.array(entrySchema(z)).meta({ description: "Differences that are none any more" }),
        })
        .nullable(),
    }),
  exitCode: ({ missing, extra, different, since }) =>
    (since ? since.new.length : missing.length + extra.length + different.length) > 0 ? EXIT.findings : EXIT.ok,
  run: async (input, context) => {
    const { workingDirectory } = context;
    const before =
      input.since === undefined ? undefined : await entriesIn(resolve(workingDirectory, input.since), input.since);
    const planning = await planningOf(input, context, { lenient: true });
    await using session = await planning.open();
    const found = differencesDocument({ ...(await planning.compare(session)), file: planning.model.file });
    const since = before && { file: input.since ?? "", ...changesSince(before, found) };
    return { ...found, since: since ?? null };
  },
});

type Found = { missing: DifferenceEntry[]; extra: DifferenceEntry[]; different: DifferenceEntry[] };

function changesSince(before: readonly DifferenceEntry[], { missing, extra, different }: Found) {
  const now = [...missing, ...extra, ...different];
  const [keysBefore, keysNow] = [new Set(before.map(keyOf)), new Set(now.map(keyOf))];
  return {
    new: now.filter((entry) => !keysBefore.has(keyOf(entry))),
    gone: before.filter((entry) => !keysNow.has(keyOf(entry))),
  };
}

/** The differences in an earlier document of this program. */
async function entriesIn(path: string, name: string): Promise<DifferenceEntry[]> {
  let document: unknown;
  try {
    document = JSON.parse((await readRegularFile(path, { maxBytes: MAX_FILE_BYTES })).toString("utf8"));
  } catch (error) {
    throw unreadable(name, error instanceof FileRefusal ? error.message : "is not JSON");
  }
  const data = fieldOf(document, "data") ?? document;
  const lists = ["missing", "extra", "different"].map((list) => fieldOf(data, list));
  if (!lists.every(Array.isArray)) throw unreadable(name, "is no diff or drift of this program");
  return lists.flat().map(entryOf);
}

function entryOf(value: unknown): DifferenceEntry {
  const text = (name: string): string | null => {
    const field = fieldOf(value, name);
    return typeof field === "string" ? field : null;
  };
  return {
    what: text("what") ?? "",
    object: text("object") ?? "",
    role: text("role"),
    wanted: text("wanted"),
    found: text("found"),
  };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function unreadable(name: string, reason: string): PgkeepError {
  return new PgkeepError("CONFIG_VALUE_INVALID", `"${tameLine(name)}" ${reason}`, {
    hint: "Give the file that pgkeep access diff --json wrote.",
    state: "nothing was started",
  });
}
