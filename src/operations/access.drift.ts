/** `pgkeep access drift`: what left the model since somebody last looked. Changes nothing. */
import { resolve } from "node:path";
import { EXIT, PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { tameLine } from "../base/tame.ts";
import { FileRefusal, readRegularFile } from "../config/regular-file.ts";
import { type DifferenceEntry, differencesOf, differencesSchema, entrySchema } from "./access/difference.ts";
import { planningFields, planningOf } from "./access/planning.ts";

/** 64 MiB, as for plans. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

export default defineOperation({
  name: "access.drift",
  summary: "Say what drifted from the access model, and since when",
  description:
    "Compares as access diff does. With --since it also reads the JSON of an earlier access diff, drift or plan, and says " +
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
        .meta({ description: "JSON of an earlier diff, drift or plan", valueName: "FILE", group: "what" }),
    }),
  output: (z) =>
    z.strictObject({
      ...differencesSchema(z),
      since: z
        .strictObject({
          file: z.string(),
          new: z.array(entrySchema(z)),
          gone: z.array(z.string()).meta({ description: "Statements that are not called for any more" }),
        })
        .nullable(),
    }),
  exitCode: ({ missing, extra, different, since }) =>
    (since ? since.new.length : missing.length + extra.length + different.length) > 0 ? EXIT.findings : EXIT.ok,
  run: async (input, context) => {
    const { workingDirectory } = context;
    const before =
      input.since === undefined ? undefined : await statementsIn(resolve(workingDirectory, input.since), input.since);
    const planning = await planningOf(input, context, { lenient: true });
    await using session = await planning.open();
    const found = differencesOf(await planning.plan(session), planning.model.file);
    const since = before && { file: input.since ?? "", ...changesSince(before, found) };
    return { ...found, since: since ?? null };
  },
});

type Found = { missing: DifferenceEntry[]; extra: DifferenceEntry[]; different: DifferenceEntry[] };

function changesSince(before: ReadonlySet<string>, { missing, extra, different }: Found) {
  const entries = [...missing, ...extra, ...different];
  const now = new Set(entries.map(({ sql }) => sql));
  return { new: entries.filter(({ sql }) => !before.has(sql)), gone: [...before].filter((sql) => !now.has(sql)) };
}

/** The statements that an earlier document calls for: every `sql` of the lists that this program writes. */
async function statementsIn(path: string, name: string): Promise<ReadonlySet<string>> {
  let document: unknown;
  try {
    document = JSON.parse((await readRegularFile(path, { maxBytes: MAX_FILE_BYTES })).toString("utf8"));
  } catch (error) {
    const reason = error instanceof FileRefusal ? error.message : "is not JSON";
    throw unreadable(name, reason);
  }
  const data = fieldOf(document, "data") ?? fieldOf(document, "plan") ?? document;
  const lists = ["missing", "extra", "different", "statements", "blocked"].map((list) => fieldOf(data, list));
  if (!lists.some(Array.isArray)) throw unreadable(name, "is no diff, drift or plan of this program");
  const entries = lists.flatMap((list): unknown[] => (Array.isArray(list) ? list : []));
  const wanted = entries.filter((entry) => fieldOf(entry, "kind") !== "temporary");
  return new Set(wanted.map((entry) => fieldOf(entry, "sql")).filter((sql) => typeof sql === "string"));
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
