/**
 * The JSON documents of the command line.
 *
 * Most commands wrap their result in an envelope that says what ran, against what, and how it ended. Commands that had
 * a document of their own before this program (deploy, info, metadata) keep it; after a failure theirs has `status`,
 * `exitCode` and `error` instead.
 */

import { redactCredentials } from "../base/credentials.ts";
import type { PgkeepError } from "../base/errors.ts";
import { errorJson } from "./error-text.ts";

export interface Target {
  host: string;
  port: number | null;
  database: string;
  user: string;
  server_version: string | null;
  tls: { protocol: string; verified: boolean } | null;
}

export interface Ending {
  command: string;
  exitCode: number;
  observedAt: Date;
  version: string;
  target: Target | undefined;
  warnings: readonly string[];
  data?: unknown;
  error?: PgkeepError | undefined;
}

/** One object, the same keys whatever happened. */
export function envelope(ending: Ending): Record<string, unknown> {
  return {
    schema_version: 1,
    command: ending.command,
    ok: ending.error === undefined,
    exit_code: ending.exitCode,
    observed_at: ending.observedAt.toISOString(),
    tool: { name: "pgkeep", version: ending.version },
    target: ending.target ?? null,
    data: ending.data ?? ending.error?.parts.data ?? null,
    error: ending.error ? errorJson(ending.error) : null,
    warnings: ending.warnings,
  };
}

/** The failure document of commands that keep their own: what the operation knows, then the error as flat keys. */
export function bareFailure(error: PgkeepError, exitCode: number): Record<string, unknown> {
  const { parts } = error;
  const text = (value: string | undefined): string | undefined =>
    value === undefined || value === "" ? undefined : redactCredentials(value);
  return {
    status: "failed",
    exitCode,
    error: redactCredentials(error.message),
    code: error.code,
    retryable: error.retryable,
    state: parts.state,
    sqlstate: parts.sqlstate,
    detail: text(parts.detail),
    hint: text(parts.hint),
    where: text(parts.where),
    failedFile: parts.file?.endsWith(".sql") && parts.file !== "deploy.sql" ? parts.file : undefined,
    ...parts.data,
  };
}
