/**
 * How connectors fail, in one vocabulary: what may be tried again and what never helps.
 *
 * The classes, their names in status and metrics and which of them are permanent are those of pg_tide, so that alerts
 * built on them go on working.
 */
export const FAILURE_CLASSES = {
  unavailable: { code: "PGTIDE_CONNECTOR_UNAVAILABLE", isTransient: true },
  timeout: { code: "PGTIDE_CONNECTOR_TIMEOUT", isTransient: true },
  throttled: { code: "PGTIDE_CONNECTOR_THROTTLED", isTransient: true },
  unknown: { code: "PGTIDE_CONNECTOR_UNKNOWN", isTransient: true },
  authentication: { code: "PGTIDE_CONNECTOR_AUTHENTICATION", isTransient: false },
  authorization: { code: "PGTIDE_CONNECTOR_AUTHORIZATION", isTransient: false },
  tls_verification: { code: "PGTIDE_TLS_VERIFICATION_FAILED", isTransient: false },
  invalid_destination: { code: "PGTIDE_CONNECTOR_INVALID_DESTINATION", isTransient: false },
  message_too_large: { code: "PGTIDE_CONNECTOR_MESSAGE_TOO_LARGE", isTransient: false },
  protocol_rejection: { code: "PGTIDE_CONNECTOR_PROTOCOL_REJECTION", isTransient: false },
  invalid_config: { code: "PGTIDE_CONNECTOR_INVALID_CONFIG", isTransient: false },
  ssrf_rejected: { code: "PGTIDE_WEBHOOK_SSRF_REJECTED", isTransient: false },
} as const;

export type FailureClass = keyof typeof FAILURE_CLASSES;

/** Why a message is a dead letter, as the database records it. */
export type DeadLetterKind = "decode" | "sink_permanent" | "inbox_permanent" | "max_retries_exceeded";

/** A connector that could not open, or lost what it works with. Says nothing secret; the engine scrubs it again. */
export class ConnectorFailure extends Error {
  readonly class: FailureClass;
  readonly retryAfterMs: number | undefined;

  constructor(failureClass: FailureClass, message: string, options: { retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "ConnectorFailure";
    this.class = failureClass;
    this.retryAfterMs = options.retryAfterMs;
  }

  get isTransient(): boolean {
    return FAILURE_CLASSES[this.class].isTransient;
  }
}
