/** Gives a connector its part of the world: what the process permits, cut down to what the pipeline asks for. */
import { addressPolicy } from "../../net/address-guard.ts";
import type { ConnectorContext } from "../connector.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { WorkerContext } from "./worker.ts";

export function connectorContext(
  { options, pipeline, voice }: Pick<WorkerContext, "options" | "pipeline" | "voice">,
  { addresses, signal }: { addresses: Pipeline["addresses"]; signal: AbortSignal },
): ConnectorContext {
  const { group, clock, allowInsecure, streams, openDatabase, resolveDatabase } = options;
  return {
    pipeline: pipeline.name,
    group,
    clock,
    signal,
    addresses: addressPolicy({ rules: options.addresses, wish: addresses }),
    allowInsecure,
    fileRoots: options.fileRoots,
    openDatabase,
    resolveDatabase,
    streams,
    warn: (message) => voice.report({ type: "relay.warning", message }),
  };
}
