/**
 * Could this pipeline work from here: opens its connector as a relay would, and closes it again. Nothing is sent.
 *
 * What a relay process would permit is given by the same flags, so the answer is about this host, this environment and
 * these rules. The answer holds no address and no value: only the failure's class and its text, scrubbed.
 */
import { type ErrorCode, PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { scrub } from "../../base/secrets.ts";
import { tameLine } from "../../base/tame.ts";
import { addressPolicy } from "../../net/address-guard.ts";
import { AddressRefusal } from "../../net/address-policy.ts";
import type { Session } from "../../pg/session.ts";
import type { ConnectorContext } from "../../relay/connector.ts";
import { ConnectorFailure, FAILURE_CLASSES } from "../../relay/failures.ts";
import { openable } from "../../relay/pipeline/open.ts";
import type { Pipeline, PipelineRow } from "../../relay/pipeline/pipeline.ts";
import { findSink, findSource, readPipeline } from "../../relay/pipeline/read.ts";
import { type ServerRequest, serverOf } from "../server/connect.ts";
import { allowedNetworks, fileRootsOf, secretRootsOf } from "./run-input.ts";
import { resolveStrictly } from "./sink-database.ts";
import { streamsOf } from "./streams.ts";

export interface PipelineTest {
  ok: boolean;
  ms: number;
  code: string | null;
  reason: string | null;
}

interface TestFlags extends ServerRequest {
  ssrfAllow?: readonly string[] | undefined;
  secretRoot?: readonly string[] | undefined;
  fileRoot?: readonly string[] | undefined;
  allowInsecure?: boolean | undefined;
}

/** 15 s: longer than any connector's own limit for connecting. */
const TEST_LIMIT_MS = 15_000;

export async function testPipeline(
  row: PipelineRow,
  flags: TestFlags,
  context: OperationContext,
): Promise<PipelineTest> {
  const startedMs = context.clock.monotonicMs();
  const took = (): number => Math.round(context.clock.monotonicMs() - startedMs);
  try {
    await openAndClose(await readPipeline(row), flags, context);
    return { ok: true, ms: took(), code: null, reason: null };
  } catch (error) {
    context.signal.throwIfAborted();
    return { ok: false, ms: took(), ...judged(error) };
  }
}

function judged(error: unknown): Pick<PipelineTest, "code" | "reason"> {
  const shown = (text: string): string => tameLine(scrub(text));
  if (error instanceof AddressRefusal || (error instanceof ConnectorFailure && error.class === "ssrf_rejected"))
    return { code: "RELAY_ADDRESS_REFUSED" satisfies ErrorCode, reason: shown(error.message) };
  if (error instanceof ConnectorFailure)
    return { code: FAILURE_CLASSES[error.class].code, reason: shown(error.message) };
  if (error instanceof PgkeepError) {
    const { message, parts } = error;
    return { code: error.code, reason: shown([message, parts.detail].filter(Boolean).join(": ")) };
  }
  return { code: FAILURE_CLASSES.unknown.code, reason: "the connector failed for a reason it did not name" };
}

async function openAndClose(pipeline: Pipeline, flags: TestFlags, context: OperationContext): Promise<void> {
  const { type } = pipeline.connector;
  const options = {
    environment: context.environment,
    secretRoots: secretRootsOf(flags, context),
    allowInlineSecrets: false,
  };
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(TEST_LIMIT_MS)]);
  const sink = pipeline.direction === "forward" ? await findSink(type) : undefined;
  const source = pipeline.direction === "reverse" ? await findSource(type) : undefined;
  if (sink) {
    const { config, addresses } = await openable(pipeline, sink, options);
    const opened = await sink.open(config, connectorContext({ pipeline, addresses, flags, context, signal }));
    await opened.close();
  } else if (source) {
    const { config, addresses } = await openable(pipeline, source, options);
    const opened = await source.open(config, connectorContext({ pipeline, addresses, flags, context, signal }));
    await opened.close();
  }
}

interface Surroundings {
  pipeline: Pipeline;
  addresses: Pipeline["addresses"];
  flags: TestFlags;
  context: OperationContext;
  signal: AbortSignal;
}

function connectorContext({ pipeline, addresses, flags, context, signal }: Surroundings): ConnectorContext {
  return {
    pipeline: pipeline.name,
    group: "pipelines-test",
    clock: context.clock,
    signal,
    addresses: addressPolicy({ rules: { allow: allowedNetworks(flags.ssrfAllow) }, wish: addresses }),
    allowInsecure: flags.allowInsecure ?? false,
    fileRoots: fileRootsOf(flags, context),
    openDatabase: async (): Promise<Session> => (await serverOf(flags, context)).open(),
    resolveDatabase: (url) => resolveStrictly(url, context, secretRootsOf(flags, context)),
    streams: streamsOf(context),
    warn: (message) => context.report({ type: "warning", message }),
  };
}
