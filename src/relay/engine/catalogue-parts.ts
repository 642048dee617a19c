/** The engine's parts as they are: pipelines from the catalog of the database, connectors from the catalogues of this package. */
import { catalogueOf } from "../../base/catalogue.ts";
import { referencesIn } from "../../config/references.ts";
import { DELIVERED } from "../message.ts";
import { type Openable, openable } from "../pipeline/open.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { readPipeline } from "../pipeline/read.ts";
import { openShaping } from "../pipeline/shaping.ts";
import { index as sinks } from "../sinks/index.ts";
import type { Sink, SinkDefinition } from "../sinks/sink.ts";
import { connectorContext } from "./connector-context.ts";
import type { Outlet, RelayParts } from "./parts.ts";
import { reverseWorker } from "./reverse.ts";
import type { WorkerContext } from "./worker.ts";

const SINKS = catalogueOf<SinkDefinition>(sinks, { kind: "sink type", unknown: "RELAY_PIPELINE_INVALID" });

export const catalogueParts: RelayParts = { readPipeline, referencedFiles, openOutlet, reverseWorker };

async function openOutlet(context: WorkerContext): Promise<Outlet> {
  const { pipeline, options, lease, voice } = context;
  const definition = await SINKS.load(pipeline.connector.type);
  const { environment, secretRoots, allowInlineSecrets } = options;
  const opened = await openable(pipeline, definition, { environment, secretRoots, allowInlineSecrets });
  for (const message of opened.warnings) voice.report({ type: "relay.warning", message });
  const database = await lease.use(async (session) => session.target.database);
  return {
    shape: await openShaping(pipeline, { sink: definition, openable: opened, database }),
    sinkType: definition.type,
    lanes: definition.lanes(opened.config),
    limits: {
      ...definition.limits,
      batchMessages: definition.batchMessages?.(opened.config) ?? definition.limits.batchMessages,
    },
    openSink: () => (pipeline.dryRun ? Promise.resolve(DRY_SINK) : openSink(definition, opened, context)),
  };
}

function openSink(
  definition: SinkDefinition,
  { config, addresses }: Openable<Record<string, unknown>>,
  context: WorkerContext,
): Promise<Sink> {
  return definition.open(config, connectorContext(context, { addresses, signal: context.end }));
}

/** A dry run shapes everything and sends nothing. */
const DRY_SINK: Sink = {
  send: async (batch) => batch.map(() => DELIVERED),
  close: async () => undefined,
};

function referencedFiles({ connector, wireFormat, transforms }: Pipeline): string[] {
  const files = new Set<string>();
  collectFiles([connector.config, wireFormat.options, transforms.decrypt], files);
  return [...files];
}

function collectFiles(value: unknown, files: Set<string>): void {
  if (typeof value === "string") {
    for (const { provider, argument } of referencesIn(value)) if (provider === "file") files.add(argument);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (key.startsWith("key_path") && typeof item === "string") files.add(item);
      else collectFiles(item, files);
    }
  }
}
