/**
 * The files of a support bundle.
 *
 * Each is made from what was designed to be shown: states, counts, codes, names of pipelines. Free text of servers and
 * sinks is left out, because nobody can promise what stands in it. Every file passes the scrubber when it is written.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { scrub } from "../../base/secrets.ts";
import { checkOutputFile, writeOutputFile } from "../../config/output-file.ts";
import type { Session } from "../../pg/session.ts";
import { ERROR_CATALOGUE } from "../../relay/observe/error-catalogue.ts";
import { METRIC_PREFIX, METRICS } from "../../relay/observe/metric-names.ts";
import type { Server } from "../server/connect.ts";
import { checkRelay } from "./doctor.ts";
import { readStatus } from "./status.ts";
import { requireTide } from "./tide.ts";

/** 1 MiB: what a ticket takes. */
const MAX_FILE_BYTES = 2 ** 20;

const POLICY = "v1";

export interface SupportBundle {
  directory: string;
  redaction_policy_version: string;
  files: { name: string; bytes: number; sha256: string }[];
}

/** Writes the bundle. Throws FILE_WRITE_FAILED; a database that cannot be asked is no failure. */
export async function writeSupportBundle(
  directory: string,
  reach: () => Promise<Server>,
  { clock }: OperationContext,
): Promise<SupportBundle> {
  checkOutputFile(join(directory, "manifest.json"));
  const answers = await askDatabase(reach);
  const made = clock.now().toISOString();
  const documents = {
    "versions.json": {
      node: process.versions.node,
      platform: `${process.platform}/${process.arch}`,
      server: answers.server,
      schema_tide: answers.schema,
    },
    "doctor.json": { checks: answers.checks, unknown: answers.unknown },
    "status.json": { pipelines: answers.pipelines, unknown: answers.unknown },
    "error-codes.json": { codes: ERROR_CATALOGUE },
    "metrics-metadata.json": { metrics: METRICS.map((metric) => ({ ...metric, name: METRIC_PREFIX + metric.name })) },
  };
  const files = Object.entries(documents).map(([name, document]) => writeFile(directory, name, document));
  const manifest = { schema_version: 1, made_at: made, redaction_policy_version: POLICY, files };
  writeFile(directory, "manifest.json", manifest);
  return { directory, redaction_policy_version: POLICY, files };
}

function writeFile(directory: string, name: string, document: unknown): SupportBundle["files"][number] {
  const whole = scrub(`${JSON.stringify(document, null, 2)}\n`);
  const bytes = Buffer.byteLength(whole);
  const text = bytes <= MAX_FILE_BYTES ? whole : `${JSON.stringify({ left_out: "larger than 1 MiB", bytes })}\n`;
  writeOutputFile(join(directory, name), text);
  return { name, bytes: Buffer.byteLength(text), sha256: createHash("sha256").update(text).digest("hex") };
}

interface Answers {
  server: string | null;
  schema: string | null;
  checks: unknown[];
  pipelines: unknown[];
  /** Code of what kept us from asking. */
  unknown: string | null;
}

async function askDatabase(reach: () => Promise<Server>): Promise<Answers> {
  const nothing: Answers = { server: null, schema: null, checks: [], pipelines: [], unknown: null };
  try {
    const server = await reach();
    await using session = await server.open();
    const checks = await checkRelay(session);
    const known = { ...nothing, server: session.parameterStatus("server_version") ?? null };
    if (!checks) return { ...known, unknown: "RELAY_NOT_INSTALLED" };
    const facts = checks.map(({ what, status }) => ({ what, status }));
    // Never more than the doctor dared: the schema's own functions may be somebody's trap.
    await requireTide(session);
    return { ...known, checks: facts, ...(await details(session)) };
  } catch (error) {
    return { ...nothing, unknown: error instanceof PgkeepError ? error.code : "the database refused a question" };
  }
}

async function details(session: Session): Promise<Pick<Answers, "schema" | "pipelines">> {
  const [row] = await session.query("select tide.version() as version");
  const { pipelines } = await readStatus(session);
  return { schema: row?.version ?? null, pipelines };
}
