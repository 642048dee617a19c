/** `pgkeep relay config validate|export`: every pipeline's configuration, checked or written down. */
import { EXIT } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { checkPipeline, pipelineRow, pipelineRows, shownConfig } from "./relay/pipelines.ts";
import { targetFields, withTide } from "./relay/tide.ts";

export default defineOperation({
  name: "relay.config",
  summary: "Check or export the configuration of the pipelines",
  description:
    "validate says for each pipeline which fields are wrong; it resolves no reference and connects to no sink. export " +
    "prints the configurations with their references, for version control; secrets that stand there in clear text are replaced.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "relay config",
    positionals: ["action"],
    list: "pipelines",
    exitCodes: [10, 11, 13, 20],
    examples: [
      { line: "pgkeep relay config validate -d shop", does: "ends with 20 when a pipeline cannot work" },
      { line: "pgkeep relay config export --json -d shop", does: "all configurations" },
    ],
  },
  input: (z) =>
    z.strictObject({
      action: z.enum(["validate", "export"]).meta({ description: "What to do" }),
      pipeline: z.string().optional().meta({ description: "Only this pipeline", valueName: "NAME" }),
      ...targetFields(z),
    }),
  output: (z) =>
    z.strictObject({
      action: z.string(),
      pipelines: z.array(
        z.strictObject({
          pipeline: z.string(),
          direction: z.enum(["forward", "reverse"]),
          enabled: z.boolean(),
          valid: z.boolean(),
          problems: z.array(z.string()),
          config: z.unknown().meta({ description: "Null when validating" }),
        }),
      ),
    }),
  run: (input, context) =>
    withTide(input, context, async (session) => {
      const { action, pipeline } = input;
      const rows = pipeline === undefined ? await pipelineRows(session) : [await pipelineRow(session, pipeline)];
      const checked = await Promise.all(
        rows.map(async (row) => {
          const { from: _from, to: _to, ...facts } = await checkPipeline(row);
          return { ...facts, config: action === "export" ? shownConfig(row.config) : null };
        }),
      );
      return { action, pipelines: checked };
    }),
  exitCode: ({ action, pipelines }) =>
    action === "validate" && pipelines.some(({ valid }) => !valid) ? EXIT.findings : EXIT.ok,
});
