/**
 * The machine codes of pg_tide's command line: what each means, what is most likely behind it, and what to do.
 *
 * Alerts and runbooks are written against these codes, so one is never given another meaning. The support bundle holds the
 * whole list.
 */

export interface CatalogueEntry {
  code: string;
  surface: "cli" | "sql";
  component: string;
  summary: string;
  likely_cause: string;
  next_action: string;
  /** Page of the documentation. */
  runbook: string;
  retryable: boolean;
  cli_exit_code: 1;
  /** Fields that may stand beside the code in logs and tickets. */
  safe_context_keys: readonly string[];
  since: string;
}

const RUNBOOK = "docs/reference/pg-tide.md";

type Texts = readonly [component: string, summary: string, likelyCause: string, nextAction: string];

const entry = (surface: CatalogueEntry["surface"], code: string, texts: Texts, retryable = false): CatalogueEntry => ({
  code,
  surface,
  component: texts[0],
  summary: texts[1],
  likely_cause: texts[2],
  next_action: texts[3],
  runbook: RUNBOOK,
  retryable,
  cli_exit_code: 1,
  safe_context_keys: ["pipeline", "direction", "tenant", "relay_group", "component"],
  since: "0.1.0",
});

const cli = (code: string, texts: Texts, retryable = false): CatalogueEntry => entry("cli", code, texts, retryable);
const sql = (code: string, texts: Texts): CatalogueEntry => entry("sql", code, texts);
const connector = (name: string, texts: readonly [string, string, string], retryable = false): CatalogueEntry =>
  cli(`PGTIDE_CONNECTOR_${name}`, ["connector", ...texts], retryable);

export const ERROR_CATALOGUE: readonly CatalogueEntry[] = [
  cli("operator.failure", [
    "operator",
    "The command could not do what was asked.",
    "A flag, a file or a setting is not as it must be.",
    "Read the message and the hint, correct the input and repeat the command.",
  ]),
  cli("PGTIDE_EXTENSION_VERSION_INCOMPATIBLE", [
    "database",
    "Schema tide has another version than was expected.",
    "The database was upgraded, or not yet.",
    "Run pgkeep relay install, or change --expect-extension-version.",
  ]),
  cli(
    "PGTIDE_POSTGRES_UNAVAILABLE",
    [
      "database",
      "The database did not answer.",
      "The server is down, starting, or a network lies between that refuses.",
      "Check the server with pg_isready; the relay tries again by itself.",
    ],
    true,
  ),
  cli("PGTIDE_POSTGRES_AUTHENTICATION", [
    "database",
    "The database did not let the role in.",
    "The password is wrong or expired, or pg_hba.conf has no line for this client.",
    "Check the credentials behind --postgres-url or --postgres-url-file.",
  ]),
  cli("PGTIDE_POSTGRES_AUTHORIZATION", [
    "database",
    "The role lacks a right, or has far too many.",
    "The role was not granted tide_relay, or is a superuser.",
    "Connect as a login role that was granted tide_relay.",
  ]),
  cli("PGTIDE_CATALOG_MISSING", [
    "database",
    "The database has no schema tide, or an older one.",
    "The schema was never installed here, or the URL names another database.",
    "Run pgkeep relay install against this database.",
  ]),
  cli("PGTIDE_PIPELINE_NOT_FOUND", [
    "pipeline",
    "No pipeline has that name.",
    "The name is misspelt, or row level security hides the pipeline from this role.",
    "List the pipelines with pgkeep relay pipelines list.",
  ]),
  cli("PGTIDE_PIPELINE_INVALID", [
    "pipeline",
    "The configuration of a pipeline cannot work.",
    "A field is missing, unknown, or holds a secret in clear text.",
    "Correct the fields named; pg-tide config validate checks them.",
  ]),
  cli("PGTIDE_PIPELINE_NOT_DISCOVERED", [
    "pipeline",
    "The relay does not see the pipeline.",
    "It is disabled, of another tenant, or hidden by row level security.",
    "Enable it, or check --tenant-id and the role's grants.",
  ]),
  cli(
    "PGTIDE_PIPELINE_NOT_OWNED",
    [
      "pipeline",
      "Another relay owns the pipeline.",
      "A second process of the same group runs it.",
      "Nothing, when that is meant; else stop the other process.",
    ],
    true,
  ),
  connector(
    "UNAVAILABLE",
    [
      "The destination did not answer.",
      "It is down or a network lies between that refuses.",
      "Restore the destination; events wait and nothing is lost.",
    ],
    true,
  ),
  connector(
    "TIMEOUT",
    [
      "The destination did not answer in time.",
      "It is overloaded, or its time limit here is too short.",
      "Look at the destination's load, or raise the timeout of the sink.",
    ],
    true,
  ),
  connector(
    "THROTTLED",
    [
      "The destination asked to be left alone.",
      "Its rate limit is reached.",
      "Set rate_limit, or ask for a higher limit.",
    ],
    true,
  ),
  connector("AUTHENTICATION", [
    "The destination did not accept the credentials.",
    "They are wrong, expired or were rotated.",
    "Put the new value where the pipeline's reference points.",
  ]),
  connector("AUTHORIZATION", [
    "The credentials do not allow this.",
    "The account lacks a right at the destination.",
    "Grant it there.",
  ]),
  connector("INVALID_DESTINATION", [
    "The destination does not exist.",
    "A topic, stream, exchange, path or host is misspelt, or it redirects.",
    "Correct the pipeline's configuration.",
  ]),
  connector("MESSAGE_TOO_LARGE", [
    "A message is larger than the destination takes.",
    "The payload is over the limit of the sink.",
    "Look at the dead letter; send a reference instead of the content.",
  ]),
  connector("PROTOCOL_REJECTION", [
    "The destination refused a message.",
    "It does not like the content or its form.",
    "Look at the dead letter's error, correct the payload or the receiver, and retry it.",
  ]),
  connector("INVALID_CONFIG", [
    "The connector cannot work with its configuration.",
    "Two settings contradict each other, or one is missing.",
    "Correct the fields named in the message.",
  ]),
  connector(
    "UNKNOWN",
    ["The destination failed in a way that is not known.", "See the message.", "Report it with a support bundle."],
    true,
  ),
  cli("PGTIDE_TLS_VERIFICATION_FAILED", [
    "connector",
    "The certificate of the other side does not verify.",
    "It is self-signed, expired, or made for another name; or somebody stands in between.",
    "Give the authority's certificate, or correct the host's name.",
  ]),
  cli("PGTIDE_WEBHOOK_SSRF_REJECTED", [
    "connector",
    "A pipeline wants to reach a private address.",
    "Its address, or what its name resolves to, is not public.",
    "When that is meant, permit the network with --ssrf-allow.",
  ]),
  cli("PGTIDE_REPLAY_INPUT_INVALID", [
    "replay",
    "The range or the pipeline of a replay is not possible.",
    "The events are gone, the pipeline is disabled, or nothing matches.",
    "Look with replay preview, then correct the range.",
  ]),
  cli(
    "PGTIDE_MAINTENANCE_SWEEP_FAILED",
    [
      "maintenance",
      "Old events could not be removed.",
      "Another transaction holds a lock, or the role lacks the right.",
      "Repeat it; when it stays, look at pg_locks and the role's grants.",
    ],
    true,
  ),
  cli(
    "PGTIDE_SHUTDOWN_FAILED",
    [
      "process",
      "Pipelines had not finished when the time to drain was up.",
      "A sink answers slowly.",
      "Raise --drain-timeout; what was not recorded is sent again with the same ids.",
    ],
    true,
  ),
  cli("PGTIDE_SUPPORT_BUNDLE_WRITE_FAILED", [
    "support",
    "The support bundle could not be written.",
    "The directory is missing, full, or not writable.",
    "Name a directory of your own with --output-dir.",
  ]),
  cli(
    "PGTIDE_INTERNAL_FAILURE",
    ["process", "The program itself is wrong.", "A bug.", "Report it with a support bundle."],
    true,
  ),
  sql("PGTIDE_OUTBOX_ALREADY_EXISTS", [
    "outbox",
    "There is an outbox of that name.",
    "It was made before.",
    "Use tide.outbox_create_if_not_exists.",
  ]),
  sql("PGTIDE_OUTBOX_NOT_FOUND", [
    "outbox",
    "There is no outbox of that name.",
    "The name is misspelt.",
    "Make it with tide.outbox_create.",
  ]),
  sql("PGTIDE_INBOX_ALREADY_EXISTS", [
    "inbox",
    "There is an inbox of that name.",
    "It was made before.",
    "Use another name.",
  ]),
  sql("PGTIDE_INBOX_NOT_FOUND", [
    "inbox",
    "There is no inbox of that name.",
    "The name is misspelt.",
    "Make it with tide.inbox_create.",
  ]),
  sql("PGTIDE_RELAY_NOT_FOUND", [
    "pipeline",
    "There is no pipeline of that name.",
    "The name is misspelt.",
    "List them with tide.relay_list_configs().",
  ]),
  sql("PGTIDE_INVALID_ARGUMENT", [
    "sql",
    "An argument is outside of what it may be.",
    "See the message.",
    "Correct the argument.",
  ]),
  sql("PGTIDE_SWEEP_FAILED", [
    "maintenance",
    "Old events could not be removed.",
    "See the message.",
    "Repeat it when the cause is gone.",
  ]),
  sql("PGTIDE_PUBLISH_DENIED", [
    "outbox",
    "The role may not publish to this outbox.",
    "The outbox has a list of publishers and the role is not on it.",
    "Grant it with tide.outbox_grant_publish.",
  ]),
  sql("PGTIDE_AUTHORIZATION_FAILED", [
    "outbox",
    "Whether the role may publish could not be found out.",
    "A catalog of the server could not be read.",
    "See the message.",
  ]),
  sql("PGTIDE_SPI_ERROR", ["sql", "A statement inside of a function failed.", "See the message.", "See the message."]),
  sql("PGTIDE_CONFIG_UNSUPPORTED_SURFACE", [
    "pipeline",
    "The configuration asks for something that this version does not have.",
    "It was written for another version of pg_tide.",
    "Leave the named part out, or use one of the connectors listed in the hint.",
  ]),
];

const BY_CODE = new Map(ERROR_CATALOGUE.map((each) => [each.code, each]));

/** The entry of `code`; the one for everything unnamed when there is none. */
export function catalogueEntry(code: string): CatalogueEntry {
  const found = BY_CODE.get(code) ?? ERROR_CATALOGUE[0];
  if (found) return found;
  throw new Error("the catalogue of codes is empty");
}

/** Which of the codes a failure of ours is. */
const OF_FAILURE: readonly (readonly [RegExp, string])[] = [
  [/^CONNECT_(PASSWORD|REJECTED|AUTH|TOKEN|CLEARTEXT)/, "PGTIDE_POSTGRES_AUTHENTICATION"],
  [/^CONNECT_TLS/, "PGTIDE_TLS_VERIFICATION_FAILED"],
  [/^(CONNECT_PERMISSION|RELAY_RIGHT_MISSING|RELAY_SUPERUSER)$/, "PGTIDE_POSTGRES_AUTHORIZATION"],
  [/^CONNECT_STRING_INVALID$/, "operator.failure"],
  [/^CONNECT_/, "PGTIDE_POSTGRES_UNAVAILABLE"],
  [/^RELAY_(NOT_INSTALLED|SCHEMA_FOREIGN)$/, "PGTIDE_CATALOG_MISSING"],
  [/^RELAY_PIPELINE_UNKNOWN$/, "PGTIDE_PIPELINE_NOT_FOUND"],
  [/^RELAY_PIPELINE_INVALID$/, "PGTIDE_PIPELINE_INVALID"],
  [/^RELAY_OUTBOX_UNKNOWN$/, "PGTIDE_OUTBOX_NOT_FOUND"],
  [/^RELAY_(REPLAY_REFUSED|DEAD_LETTER_UNKNOWN)$/, "PGTIDE_REPLAY_INPUT_INVALID"],
  [/^RELAY_ADDRESS_REFUSED$/, "PGTIDE_WEBHOOK_SSRF_REJECTED"],
  [/^RELAY_FORCED$/, "PGTIDE_SHUTDOWN_FAILED"],
  [/^RELAY_PACKAGE_MISSING$/, "PGTIDE_CONNECTOR_INVALID_CONFIG"],
  [/^INTERNAL_BUG$/, "PGTIDE_INTERNAL_FAILURE"],
];

/** The machine code for one of our own error codes. */
export function machineCodeOf(code: string): string {
  return OF_FAILURE.find(([pattern]) => pattern.test(code))?.[1] ?? "operator.failure";
}
