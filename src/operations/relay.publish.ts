/** `pgkeep relay publish`: one event into an outbox. */
import { resolve } from "node:path";
import { PgkeepError } from "../base/errors.ts";
import { defineOperation, type OperationContext } from "../base/operation.ts";
import { FileRefusal, readRegularFile } from "../config/regular-file.ts";
import { isJson } from "../relay/json/is-json.ts";
import { targetFields, withTide } from "./relay/tide.ts";

/** 1 MiB: no sink takes a larger message. */
const MAX_PAYLOAD_BYTES = 2 ** 20;

export default defineOperation({
  name: "relay.publish",
  summary: "Publish one event to an outbox",
  description:
    "Takes JSON from --payload, a file or standard input and publishes it in a transaction of its own. Applications " +
    "publish inside of their own transactions with tide.outbox_publish; this is for trying and for repairs. Prints the event's id.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "relay publish",
    positionals: ["outbox"],
    exitCodes: [10, 11, 13],
    examples: [
      { line: `pgkeep relay publish orders --payload '{"id": 1}' -d shop`, does: "publish an event" },
      { line: "pgkeep relay publish orders --payload - -d shop", does: "from standard input, up to 64 KiB" },
      {
        line: "pgkeep relay publish orders --file event.json --header op=insert -d shop",
        does: "from a file, with a header",
      },
    ],
  },
  input: (z) =>
    z.strictObject({
      outbox: z.string().meta({ description: "Name of the outbox" }),
      payload: z.string().optional().meta({
        description: "JSON text of the event; - is standard input, as when nothing is given",
        valueName: "JSON",
      }),
      file: z.string().optional().meta({ description: "File that holds it, up to 1 MiB", valueName: "FILE" }),
      header: z
        .record(z.string(), z.string())
        .optional()
        .meta({ description: "Header of the event, such as op=insert; repeatable", valueName: "NAME=VALUE" }),
      dedupKey: z.string().optional().meta({ description: "Key that receivers deduplicate by", valueName: "KEY" }),
      dryRun: z.boolean().optional().meta({ description: "Check the JSON and publish nothing", group: "safety" }),
      ...targetFields(z),
    }),
  output: (z) =>
    z.strictObject({
      outbox: z.string(),
      id: z.string().nullable().meta({ description: "Null with --dry-run" }),
    }),
  run: async (input, context) => {
    const { outbox, header, dedupKey, dryRun } = input;
    const payload = await payloadOf(input, context);
    const headers = { ...header, ...(dedupKey === undefined ? {} : { dedup_key: dedupKey }) };
    if (dryRun) return { outbox, id: null };
    return withTide(input, context, async (session) => {
      const [row] = await session.query("select tide.outbox_publish_id($1, $2::jsonb, $3::jsonb) as id", [
        outbox,
        payload,
        JSON.stringify(headers),
      ]);
      return { outbox, id: row?.id ?? null };
    });
  },
});

interface PayloadSource {
  payload?: string | undefined;
  file?: string | undefined;
}

/** Text of the event, known to be JSON. Throws CONFIG_CONFLICT and CONFIG_VALUE_INVALID; never repeats a part of it. */
async function payloadOf({ payload, file }: PayloadSource, context: OperationContext): Promise<string> {
  if (payload !== undefined && file !== undefined)
    throw new PgkeepError("CONFIG_CONFLICT", "--payload and --file were both given", {
      hint: "Leave one of them away.",
    });
  const given = payload === "-" ? undefined : payload;
  const text = given ?? (file === undefined ? await context.readStdin?.() : await readFile(file, context)) ?? "";
  if (isJson(text)) return text;
  throw new PgkeepError(
    "CONFIG_VALUE_INVALID",
    text.trim() === "" ? "there is no payload" : "the payload is not JSON",
    {
      hint: "Give it as --payload '{\"id\": 1}', as --file FILE, or on standard input.",
      state: "nothing was published",
    },
  );
}

async function readFile(file: string, { workingDirectory, signal }: OperationContext): Promise<string> {
  try {
    const bytes = await readRegularFile(resolve(workingDirectory, file), { maxBytes: MAX_PAYLOAD_BYTES }, signal);
    return bytes.toString("utf8");
  } catch (error) {
    if (!(error instanceof FileRefusal)) throw error;
    throw new PgkeepError("CONFIG_VALUE_INVALID", `the file given with --file ${error.message}`, {
      hint: "Name a regular file of JSON text, at most 1 MiB.",
      state: "nothing was published",
    });
  }
}
