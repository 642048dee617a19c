/**
 * Runs a relay in this process: the engine, and around it what tells others how it is.
 *
 * The engine's events go three ways: into the metrics, into the health that probes ask for, and as log entries to
 * whoever runs the operation. The HTTP port opens before the engine starts, so that a taken port costs nothing.
 */
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { Secret } from "../../base/secrets.ts";
import { isReference, resolveReferences } from "../../config/references.ts";
import type { Session, SessionTarget } from "../../pg/session.ts";
import type { RelayEvent } from "../../relay/engine/events.ts";
import type { RelaySummary } from "../../relay/engine/options.ts";
import { RelayHealth } from "../../relay/observe/health.ts";
import { logEntryOf } from "../../relay/observe/log-lines.ts";
import { createMetrics } from "../../relay/observe/metrics.ts";
import { DEFAULT_METRICS_ADDRESS, isLoopback, readListenAddress, serveRelay } from "../../relay/observe/serve.ts";
import { openTraces } from "../../relay/observe/traces.ts";
import type { Server } from "../server/connect.ts";
import { baseOptions, timesOf } from "./relay-options.ts";
import { type RunFlags, requireSecretRoots, secretRootsOf } from "./run-input.ts";
import { inOurWords, requireTide } from "./tide.ts";

/** Runs until the context's signal aborts, or until nothing is due with `untilIdle`. */
export async function runRelayProcess(
  flags: RunFlags,
  server: Server,
  context: OperationContext,
): Promise<RelaySummary> {
  timesOf(flags);
  await requireSecretRoots(flags, context);
  const address = addressOf(flags);
  const token = await tokenOf(flags, context);
  const target = await checkDatabase(flags, server, context);
  const { clock } = context;
  const { group } = flags;
  const metrics = await createMetrics({ group, clock });
  const health = new RelayHealth({ group, clock, isStrict: flags.readiness === "strict" });
  await using traces = await openTraces(flags.otelEndpoint, { clock });
  const observe = (event: RelayEvent): void => {
    metrics.observe(event);
    health.observe(event);
    traces?.observe(event);
    const entry = logEntryOf(event, group);
    if (entry) context.report(entry);
  };
  if (address && !isLoopback(address) && token === undefined) warnOfOpenMetrics(context);
  const onError = (): void => context.report({ type: "relay.endpoint_failed", level: "warn" });
  const http = address && (await serveRelay({ address, metrics, health, token, clock, onError }));
  try {
    if (http) observe({ type: "relay.listening", what: "metrics", address: http.address });
    const { runRelay } = await import("../../relay/engine/run.ts");
    return await inOurWords({ target, role: "tide_relay" }, () =>
      runRelay(baseOptions(flags, { server, context, observe })),
    );
  } finally {
    await http?.close();
  }
}

function warnOfOpenMetrics({ report }: OperationContext): void {
  report({
    type: "warning",
    message: "metrics are open to the network; set --metrics-token, or listen on 127.0.0.1",
  });
}

function addressOf({ metricsAddr, untilIdle }: RunFlags) {
  const text = metricsAddr ?? (untilIdle ? "off" : DEFAULT_METRICS_ADDRESS);
  return text === "off" ? undefined : readListenAddress(text);
}

async function tokenOf(flags: RunFlags, context: OperationContext): Promise<Secret | undefined> {
  const { metricsToken } = flags;
  if (metricsToken === undefined) return undefined;
  if (!isReference(metricsToken)) {
    throw new PgkeepError("CONFIG_VALUE_INVALID", "--metrics-token is not a reference", {
      detail: "A token on the command line can be read by every user of the machine, so it is not taken.",
      hint: "Write --metrics-token '${file:/run/secrets/metrics-token}' in single quotes.",
      state: "nothing was started",
    });
  }
  const { environment } = context;
  const secretRoots = secretRootsOf(flags, context);
  const value = await resolveReferences(metricsToken, { environment, secretRoots, of: "--metrics-token" });
  if (value.trim() !== "") return new Secret(value.trim());
  throw new PgkeepError("CONFIG_REFERENCE_UNRESOLVED", "--metrics-token is empty", {
    hint: "Put a token of 16 characters or more there.",
    state: "nothing was started",
  });
}

/** One look before anything starts: the schema, the role, and that the named pipelines exist. */
async function checkDatabase(
  flags: RunFlags,
  { open, connection }: Server,
  context: OperationContext,
): Promise<SessionTarget> {
  await using session = await open();
  await requireTide(session);
  refuseSuperuser(session, flags, connection.origin.host === "--embedded");
  await inOurWords({ target: session.target, role: "tide_relay" }, () =>
    requirePipelines(session, flags.pipeline ?? []),
  );
  context.signal.throwIfAborted();
  return session.target;
}

/** The embedded server has no other role, and nothing on it is worth protecting from us. */
function refuseSuperuser(session: Session, { allowSuperuser }: RunFlags, isEmbedded: boolean): void {
  if (allowSuperuser || isEmbedded || session.parameterStatus("is_superuser") !== "on") return;
  throw new PgkeepError("RELAY_SUPERUSER", `role "${session.target.user}" is a superuser`, {
    detail: "A relay needs a few rights on schema tide. Whoever takes over its process would own the server.",
    hint: "Connect as a login role that was granted tide_relay; --allow-superuser runs it anyway.",
    state: "nothing was started",
  });
}

const NAMES = `
  select c.name from tide.relay_outbox_config as c union select c.name from tide.relay_inbox_config as c`;

async function requirePipelines(session: Session, wanted: readonly string[]): Promise<void> {
  if (wanted.length === 0) return;
  const names = new Set((await session.query(NAMES)).map(({ name }) => name ?? ""));
  const missing = wanted.find((name) => !names.has(name));
  if (missing === undefined) return;
  throw new PgkeepError("RELAY_PIPELINE_UNKNOWN", `there is no pipeline "${missing}", or this role may not see it`, {
    hint: "List them: pgkeep relay pipelines list",
    state: "nothing was started",
  });
}
