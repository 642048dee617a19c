/** From a pipeline's row to an open source and the reader of its wire format. */
import { catalogueOf } from "../../base/catalogue.ts";
import { type FormatDefinition, FormatFailure } from "../formats/format.ts";
import { index as formats } from "../formats/index.ts";
import { openable } from "../pipeline/open.ts";
import { index as sources } from "../sources/index.ts";
import type { Source, SourceDefinition } from "../sources/source.ts";
import { connectorContext } from "./connector-context.ts";
import type { Decode } from "./read-incoming.ts";
import type { WorkerContext } from "./worker.ts";

const SOURCES = catalogueOf<SourceDefinition>(sources, { kind: "source type", unknown: "RELAY_PIPELINE_INVALID" });
const FORMATS = catalogueOf<FormatDefinition>(formats, { kind: "wire format", unknown: "RELAY_PIPELINE_INVALID" });

export interface OpenedSource {
  source: Source;
  decode: Decode;
}

/** Throws ConnectorFailure, RELAY_PIPELINE_INVALID and CONFIG_REFERENCE_UNRESOLVED. */
export async function openSource(context: WorkerContext, signal: AbortSignal): Promise<OpenedSource> {
  const { pipeline, options } = context;
  const definition = await SOURCES.load(pipeline.connector.type);
  const { environment, secretRoots, allowInlineSecrets } = options;
  const opened = await openable(pipeline, definition, { environment, secretRoots, allowInlineSecrets });
  const decode = await decoderOf(pipeline.wireFormat.name, opened.wireOptions);
  for (const message of opened.warnings) context.voice.report({ type: "relay.warning", message });
  const source = await definition.open(
    opened.config,
    connectorContext(context, { addresses: opened.addresses, signal }),
  );
  return { source, decode };
}

async function decoderOf(name: string, wireOptions: Readonly<Record<string, unknown>>): Promise<Decode> {
  const format = await FORMATS.load(name);
  const { z } = await import("zod");
  const options = format.options(z).parse(wireOptions);
  return (body, subject) => {
    if (!format.decode) throw new FormatFailure(`events cannot be read in the format "${name}"`);
    return format.decode(body, options, subject);
  };
}
