/** What `relay run` can be told, as input fields, and the numbers behind them. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { parseDurationMs } from "../../base/duration.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext, ZodNamespace } from "../../base/operation.ts";
import { DEFAULT_SECRET_ROOTS } from "../../config/references.ts";
import { addressPolicy } from "../../net/address-guard.ts";
import { AddressRefusal } from "../../net/address-policy.ts";
import { DEFAULT_METRICS_ADDRESS } from "../../relay/observe/serve.ts";

export interface RunFlags {
  pipeline?: string[] | undefined;
  group: string;
  tenant?: string | undefined;
  untilIdle?: boolean | undefined;
  failOnDead?: boolean | undefined;
  metricsAddr?: string | undefined;
  metricsToken?: string | undefined;
  readiness: "lenient" | "strict";
  otelEndpoint?: string | undefined;
  ssrfAllow?: string[] | undefined;
  secretRoot?: string[] | undefined;
  fileRoot?: string[] | undefined;
  allowSuperuser?: boolean | undefined;
  allowInsecure?: boolean | undefined;
  allowInlineSecrets?: boolean | undefined;
  maxPipelines: number;
  maxConnections: number;
  drainTimeout: string;
  discoveryInterval: string;
  takeoverInterval: string;
  lease: string;
  sweepInterval: string;
}

/** What a run is told when nobody says otherwise. */
export const DEFAULT_RUN: RunFlags = {
  group: "default",
  readiness: "lenient",
  maxPipelines: 50,
  // One per pipeline, one for the catalog, one to spare.
  maxConnections: 52,
  drainTimeout: "30s",
  discoveryInterval: "30s",
  takeoverInterval: "2s",
  lease: "3s",
  sweepInterval: "24h",
};

export function runFields(z: ZodNamespace) {
  return { ...choiceFields(z), ...reportFields(z), ...boundaryFields(z), ...paceFields(z) };
}

/** What is run, and until when. */
function choiceFields(z: ZodNamespace) {
  return {
    pipeline: z
      .array(z.string())
      .optional()
      .meta({ description: "Only this pipeline; repeatable, default all", valueName: "NAME" }),
    group: z.string().default(DEFAULT_RUN.group).meta({
      description: "Relays of one group share the pipelines; another group delivers all again",
      valueName: "NAME",
    }),
    tenant: z.string().optional().meta({ description: "Only pipelines of this tenant", valueName: "NAME" }),
    untilIdle: z.boolean().optional().meta({
      description:
        "Deliver what is due, then end; a sink that is away for a minute is given up, and the run ends with 1",
    }),
  };
}

/** How people and machines hear of it. */
function reportFields(z: ZodNamespace) {
  return {
    failOnDead: z
      .boolean()
      .optional()
      .meta({ description: "End with 23 when events became dead letters", group: "output" }),
    metricsAddr: z
      .string()
      .optional()
      .meta({
        description: `Where metrics and health are served; off serves none. Default ${DEFAULT_METRICS_ADDRESS}, off with --until-idle`,
        valueName: "HOST:PORT",
        group: "output",
      }),
    metricsToken: z.string().optional().meta({
      description: "Bearer token of /metrics and /status, as ${env:NAME} or ${file:/path}",
      valueName: "REFERENCE",
      group: "safety",
    }),
    readiness: z
      .enum(["lenient", "strict"])
      .default(DEFAULT_RUN.readiness)
      .meta({ description: "strict: one failing pipeline makes the process unready", group: "output" }),
    otelEndpoint: z.string().optional().meta({
      description: "Send traces to this OTLP receiver (https://host:4318)",
      valueName: "URL",
      group: "output",
    }),
  };
}

/** What pipelines may reach and read: nothing, unless somebody says so. */
function boundaryFields(z: ZodNamespace) {
  const safety = (description: string) => z.boolean().optional().meta({ description, group: "safety" });
  return {
    ssrfAllow: z.array(z.string()).optional().meta({
      description: "Private networks and hosts that pipelines may dial, separated by commas; default none",
      valueName: "CIDR,...",
      group: "safety",
    }),
    secretRoot: z.array(z.string()).optional().meta({
      description:
        "Directory that ${file:} of pipelines may read below; repeatable. Default /run/secrets, /etc/pg-tide",
      valueName: "DIR",
      group: "safety",
    }),
    fileRoot: z.array(z.string()).optional().meta({
      description: "Directory that file sinks may write below; repeatable. Default none",
      valueName: "DIR",
      group: "safety",
    }),
    allowSuperuser: safety("Run although the role is a superuser"),
    allowInsecure: safety("Permit plain HTTP and unverified TLS where a pipeline asks for it"),
    allowInlineSecrets: safety("Accept secrets that stand in the catalog in clear text"),
  };
}

/** How much at once, and how often. */
function paceFields(z: ZodNamespace) {
  const duration = (fallback: string, description: string) =>
    z.string().default(fallback).meta({ description, duration: true, valueName: "DUR", group: "what" });
  return {
    maxPipelines: z
      .int()
      .min(1)
      .max(10_000)
      .default(DEFAULT_RUN.maxPipelines)
      .meta({ description: "Most pipelines of this process", valueName: "N" }),
    maxConnections: z
      .int()
      .min(2)
      .max(10_000)
      .default(DEFAULT_RUN.maxConnections)
      .meta({ description: "Most sessions on the database", valueName: "N" }),
    drainTimeout: duration(DEFAULT_RUN.drainTimeout, "How long pipelines may take to finish at the end"),
    discoveryInterval: duration(DEFAULT_RUN.discoveryInterval, "How often the catalog is read again unasked"),
    takeoverInterval: duration(DEFAULT_RUN.takeoverInterval, "How often pipelines of others are asked for"),
    lease: duration(DEFAULT_RUN.lease, "How long an owner that is not heard of keeps its pipelines"),
    sweepInterval: duration(
      DEFAULT_RUN.sweepInterval,
      "How often delivered events past their retention are removed; 0 is never",
    ),
  };
}

export interface MillisecondBounds {
  /** Default: zero. */
  least?: number;
  /** Default: no limit. */
  most?: number;
}

/** Milliseconds of a duration flag within `bounds`; `flag` for the message. Throws CONFIG_VALUE_INVALID. */
export function milliseconds(text: string, flag: string, bounds: MillisecondBounds = {}): number {
  const { least = 0, most = Number.POSITIVE_INFINITY } = bounds;
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= least && ms <= most) return ms;
  const range = Number.isFinite(most) ? `from ${least} ms to ${most} ms` : `of ${least} ms or more`;
  throw new PgkeepError("CONFIG_VALUE_INVALID", `--${flag} is not a duration ${range}`, {
    hint: `Write it with units: --${flag} 30s`,
    state: "nothing was started",
  });
}

/** Where pg_tide's images mount secrets, besides the places of container platforms. */
const SECRET_ROOTS = [...DEFAULT_SECRET_ROOTS, "/etc/pg-tide"];

/** Directories that references of pipelines may read below. */
export function secretRootsOf(
  { secretRoot }: { secretRoot?: readonly string[] | undefined },
  { workingDirectory }: Pick<OperationContext, "workingDirectory">,
): readonly string[] {
  return secretRoot?.length ? secretRoot.map((root) => resolve(workingDirectory, root)) : SECRET_ROOTS;
}

/** Refuses a directory that is not there: every reference below it would fail later, one pipeline after the other. */
export async function requireSecretRoots(
  flags: { secretRoot?: readonly string[] | undefined },
  context: Pick<OperationContext, "workingDirectory">,
): Promise<void> {
  if (!flags.secretRoot?.length) return;
  for (const [index, root] of secretRootsOf(flags, context).entries()) {
    const isDirectory = await stat(root).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (isDirectory) continue;
    throw new PgkeepError(
      "CONFIG_VALUE_INVALID",
      `--secret-root number ${index + 1} is no directory that can be read`,
      {
        hint: "Make it, or name the directory that the secrets are mounted in.",
        state: "nothing was started",
      },
    );
  }
}

/** Where file sinks may write. */
export function fileRootsOf(
  { fileRoot = [] }: { fileRoot?: readonly string[] | undefined },
  { workingDirectory }: Pick<OperationContext, "workingDirectory">,
): readonly string[] {
  return fileRoot.map((root) => resolve(workingDirectory, root));
}

/** The networks and names of `--ssrf-allow`: repeatable, each a list. Throws CONFIG_VALUE_INVALID for anything else. */
export function allowedNetworks(lists: readonly string[] | undefined): readonly string[] {
  const allow = (lists ?? []).flatMap((list) => list.split(",").map((one) => one.trim())).filter((one) => one !== "");
  try {
    addressPolicy({ rules: { allow } });
  } catch (error) {
    if (!(error instanceof AddressRefusal)) throw error;
    throw new PgkeepError("CONFIG_VALUE_INVALID", `--ssrf-allow: ${error.message}`, {
      hint: "Give networks and host names, separated by commas: 10.0.0.0/8,nats.internal",
      state: "nothing was started",
    });
  }
  return allow;
}
