/** `pgkeep runs show`: one deploy, with the time of each file and the tests. */
import { hostname } from "node:os";
import { defineOperation } from "../base/operation.ts";
import { findRun, howToFindOut } from "../deploy/journal/read.ts";

export default defineOperation({
  name: "runs.show",
  summary: "Show one deploy: its result, the time of each file, its tests",
  description:
    "Takes an id of pgkeep runs list, the beginning of one, or last. For a run that ended without a result it says how " +
    "to find out what became of it.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "runs show",
    positionals: ["id"],
    examples: [{ line: "pgkeep runs show last", does: "the newest deploy" }],
  },
  input: (z) =>
    z.strictObject({
      id: z
        .string()
        .min(1)
        .meta({ description: "Id, the beginning of one, or last", suggest: ["last"] }),
    }),
  output: (z) =>
    z.strictObject({
      id: z.string(),
      started_at: z.string(),
      ended_at: z.string().nullable(),
      result: z.enum(["success", "failed", "running", "ended without a result"]),
      exit_code: z.int().nullable(),
      code: z.string().nullable(),
      sqlstate: z.string().nullable(),
      script: z.string().nullable().meta({ description: "File that a failure is in" }),
      line: z.int().nullable(),
      state: z.string().nullable().meta({ description: "What the database was like at the end; null: unknown" }),
      find_out: z.string().nullable().meta({ description: "How to find out, when the state is not known" }),
      duration_ms: z.int().nullable(),
      database: z.string(),
      role: z.string(),
      servers: z.array(z.string()),
      server: z.strictObject({ host: z.string(), port: z.int(), version: z.int() }).nullable(),
      application_name: z.string(),
      account: z.string(),
      machine: z.string(),
      pid: z.int(),
      project: z.string(),
      project_checksum: z.string(),
      overwrite: z.boolean(),
      files: z.int(),
      parameters: z.int().meta({ description: "How many; neither keys nor values are kept" }),
      units: z.int().nullable(),
      units_committed: z.int().nullable(),
      warnings: z.array(z.string()).meta({ description: "Ids of the warnings" }),
      file_times: z.array(z.strictObject({ path: z.string(), ms: z.number(), checksum: z.string().nullable() })),
      tests: z.strictObject({ passed: z.int(), failed: z.int(), skipped: z.int() }).nullable(),
      test_results: z.array(
        z.strictObject({
          path: z.string(),
          result: z.enum(["passed", "failed", "skipped"]),
          ms: z.number().nullable(),
        }),
      ),
      left_out: z.int().meta({ description: "Files and tests that the record has no room for" }),
    }),
  run: async ({ id }, { environment }) => {
    const { started, ended, result } = await findRun(environment, { wanted: id, machine: hostname() });
    const { at, record: _record, format: _format, process: _process, ...facts } = started;
    const { at: endedAt, record: _ended, result: _result, ...ending } = ended ?? NO_ENDING;
    const isUnknown = result === "ended without a result" || (ending.state?.includes("unknown for unit") ?? false);
    return {
      ...facts,
      started_at: at,
      ended_at: endedAt,
      result,
      ...ending,
      find_out: isUnknown ? howToFindOut(started) : null,
    };
  },
});

const NO_ENDING = {
  at: null,
  record: "ended",
  result: "failed",
  exit_code: null,
  code: null,
  sqlstate: null,
  script: null,
  line: null,
  state: null,
  duration_ms: null,
  units: null,
  units_committed: null,
  server: null,
  tests: null,
  warnings: [],
  file_times: [],
  test_results: [],
  left_out: 0,
};
