/** `pgkeep relay pipelines list|show|test|enable|disable`. */
import { EXIT, PgkeepError } from "../base/errors.ts";
import { defineOperation, type OperationContext } from "../base/operation.ts";
import type { Session } from "../pg/session.ts";
import { checkPipeline, pipelineRow, pipelineRows, shownConfig } from "./relay/pipelines.ts";
import { type PipelineTest, testPipeline } from "./relay/test-pipeline.ts";
import { targetFields, withTide } from "./relay/tide.ts";

export default defineOperation({
  name: "relay.pipelines",
  summary: "List, show, test, switch on and off pipelines",
  description:
    "test opens the pipeline's connector as the relay would, with this process's environment, addresses and secrets, and " +
    "closes it again: names, TLS and authentication are proved and nothing is sent. Configurations are shown with their " +
    "references, never with what those stand for. Switching takes effect in running relays at once.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "relay pipelines",
    positionals: ["action", "name?"],
    list: "pipelines",
    exitCodes: [10, 11, 13, 20],
    examples: [
      { line: "pgkeep relay pipelines list -d shop", does: "each pipeline with where from and where to" },
      { line: "pgkeep relay pipelines show orders -d shop", does: "the configuration of one" },
      { line: "pgkeep relay pipelines test orders -d shop", does: "could it deliver from here; sends nothing" },
      { line: "pgkeep relay pipelines disable orders -d shop", does: "stop it in every relay" },
    ],
  },
  input: (z) =>
    z.strictObject({
      action: z.enum(["list", "show", "test", "enable", "disable"]).meta({ description: "What to do" }),
      name: z.string().optional().meta({ description: "Pipeline; every action but list needs one" }),
      ssrfAllow: z.array(z.string()).optional().meta({
        description: "For test: private networks and hosts that may be dialled, separated by commas",
        valueName: "CIDR,...",
        group: "safety",
      }),
      secretRoot: z.array(z.string()).optional().meta({
        description: "For test: directory that ${file:} may read below; repeatable",
        valueName: "DIR",
        group: "safety",
      }),
      fileRoot: z.array(z.string()).optional().meta({
        description: "For test: directory that file sinks may write below; repeatable",
        valueName: "DIR",
        group: "safety",
      }),
      allowInsecure: z
        .boolean()
        .optional()
        .meta({ description: "For test: permit plain HTTP and unverified TLS", group: "safety" }),
      dryRun: z
        .boolean()
        .optional()
        .meta({ description: "Say what would be switched and do nothing", group: "safety" }),
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
          from: z.string().nullable(),
          to: z.string().nullable(),
          problems: z.array(z.string()),
        }),
      ),
      config: z.unknown().meta({ description: "show: the configuration, secrets replaced; else null" }),
      test: z
        .strictObject({
          ok: z.boolean(),
          ms: z.int(),
          code: z.string().nullable(),
          reason: z.string().nullable(),
        })
        .nullable(),
      changed: z.boolean(),
    }),
  run: (input, context) =>
    withTide(input, context, async (session) => {
      const { action, name } = input;
      if (action === "list") {
        const rows = await pipelineRows(session);
        return { ...NOTHING, action, pipelines: await Promise.all(rows.map(checkPipeline)) };
      }
      const row = await pipelineRow(session, requiredName(action, name));
      const pipelines = [await checkPipeline(row)];
      if (action === "show") return { ...NOTHING, action, pipelines, config: shownConfig(row.config) };
      if (action === "test") return { ...NOTHING, action, pipelines, test: await testPipeline(row, input, context) };
      const enabled = action === "enable";
      const switchIt = enabled ? enablePipeline : disablePipeline;
      const changed = !input.dryRun && (await switchIt(session, row.name, context));
      return { ...NOTHING, action, changed, pipelines: pipelines.map((one) => ({ ...one, enabled })) };
    }),
  exitCode: ({ action, pipelines, test }) => {
    if (test && !test.ok) return EXIT.findings;
    return action === "list" && pipelines.some(({ enabled, valid }) => enabled && !valid) ? EXIT.findings : EXIT.ok;
  },
});

const NOTHING: { config: unknown; test: PipelineTest | null; changed: boolean } = {
  config: null,
  test: null,
  changed: false,
};

function requiredName(action: string, name: string | undefined): string {
  if (name !== undefined) return name;
  throw new PgkeepError("USAGE_ARGUMENTS", `relay pipelines ${action} needs the name of a pipeline`, {
    hint: `Write pgkeep relay pipelines ${action} NAME; list shows the names.`,
  });
}

/** Whether it was off. */
async function enablePipeline(session: Session, name: string, { signal }: OperationContext): Promise<boolean> {
  signal.throwIfAborted();
  const [row] = await session.query("select tide.relay_enable($1) as changed", [name]);
  return row?.changed === "t";
}

/** Whether it was on. */
async function disablePipeline(session: Session, name: string, { signal }: OperationContext): Promise<boolean> {
  signal.throwIfAborted();
  const [row] = await session.query("select tide.relay_disable($1) as changed", [name]);
  return row?.changed === "t";
}
