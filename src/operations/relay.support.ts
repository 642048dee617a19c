/** `pgkeep relay support`: what somebody needs to help, and nothing that must not leave the house. */
import { resolve } from "node:path";
import { PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { writeSupportBundle } from "./relay/support.ts";
import { targetFields } from "./relay/tide.ts";
import { serverOf } from "./server/connect.ts";

export default defineOperation({
  name: "relay.support",
  summary: "Write a support bundle: five files and their checksums",
  description:
    "Versions, the doctor's answers, the pipelines' status, the list of error codes and of metrics, as JSON of at most 1 MiB " +
    "each, and a manifest with SHA-256 sums. Holds no payload, no configuration, no address and no secret. What cannot be " +
    "asked is written down as unknown, so it also works while the database is away.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "relay support",
    positionals: ["directory"],
    list: "files",
    exitCodes: [10],
    examples: [
      { line: "pgkeep relay support ./bundle -d shop", does: "write the files to ./bundle, which must exist" },
    ],
  },
  input: (z) =>
    z.strictObject({
      directory: z.string().meta({ description: "Existing directory for the files" }),
      ...targetFields(z),
    }),
  output: (z) =>
    z.strictObject({
      directory: z.string(),
      redaction_policy_version: z.string(),
      files: z.array(z.strictObject({ name: z.string(), bytes: z.int(), sha256: z.string() })),
    }),
  run: async (input, context) => {
    const directory = resolve(context.workingDirectory, input.directory);
    const server = serverOf(input, context);
    await server.catch(refuseConfiguration);
    return writeSupportBundle(directory, () => server, context);
  },
});

/** A database that is away is written down; settings that cannot be meant are the caller's to correct. */
function refuseConfiguration(error: unknown): void {
  if (error instanceof PgkeepError && /^(?:CONFIG_|USAGE_|CONNECT_STRING_)/.test(error.code)) throw error;
}
