/** From what a relay process was told to what the engine takes. */
import { hostname } from "node:os";
import type { OperationContext } from "../../base/operation.ts";
import type { RelayEvent } from "../../relay/engine/events.ts";
import type { RelayOptions } from "../../relay/engine/options.ts";
import type { Server } from "../server/connect.ts";
import { allowedNetworks, fileRootsOf, milliseconds, type RunFlags, secretRootsOf } from "./run-input.ts";
import { resolveStrictly } from "./sink-database.ts";
import { streamsOf } from "./streams.ts";

/** 1 h: whoever owns a pipeline and freezes keeps it from the others for so long. */
const LONGEST_LEASE_MS = 3_600_000;

/** The durations among the flags, in milliseconds. Throws CONFIG_VALUE_INVALID. */
export function timesOf(flags: RunFlags) {
  return {
    drainTimeoutMs: milliseconds(flags.drainTimeout, "drain-timeout"),
    discoveryIntervalMs: milliseconds(flags.discoveryInterval, "discovery-interval", { least: 100 }),
    takeoverIntervalMs: milliseconds(flags.takeoverInterval, "takeover-interval", { least: 100 }),
    leaseMs: milliseconds(flags.lease, "lease", { least: 500, most: LONGEST_LEASE_MS }),
    sweepIntervalMs: milliseconds(flags.sweepInterval, "sweep-interval"),
  };
}

export interface Surroundings {
  server: Server;
  context: OperationContext;
  observe(event: RelayEvent): void;
}

export function baseOptions(flags: RunFlags, { server, context, observe }: Surroundings): RelayOptions {
  const { process: host } = context;
  return {
    ...timesOf(flags),
    group: flags.group,
    tenant: flags.tenant,
    only: flags.pipeline?.length ? flags.pipeline : undefined,
    label: `${hostname()}:${process.pid}`,
    maxOwnedPipelines: flags.maxPipelines,
    maxConnections: flags.maxConnections,
    untilIdle: flags.untilIdle ?? false,
    addresses: { allow: allowedNetworks(flags.ssrfAllow) },
    secretRoots: secretRootsOf(flags, context),
    fileRoots: fileRootsOf(flags, context),
    environment: context.environment,
    allowInsecure: flags.allowInsecure ?? false,
    allowInlineSecrets: flags.allowInlineSecrets ?? false,
    openDatabase: () => server.open(),
    resolveDatabase: (url) => resolveStrictly(url, context, secretRootsOf(flags, context)),
    streams: streamsOf(context),
    clock: context.clock,
    signal: context.signal,
    random: Math.random,
    report: observe,
    ...(host ? { onReload: (reload: () => void) => void host.onHangup(reload) } : {}),
  };
}
