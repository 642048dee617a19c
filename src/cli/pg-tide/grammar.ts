/**
 * The words of pg_tide's own command line: which commands there are, which flags each takes, and how argv is read.
 *
 * Global flags may stand before and after the command. No command means `run`. What cannot be read is a usage error and
 * ends with 2; a value that was typed is never repeated.
 */
import { parseArgs } from "node:util";
import { nearestName } from "../../base/suggest.ts";

export type FlagType = "text" | "number" | "boolean";

export interface TideFlag {
  name: string;
  type: FlagType;
  description: string;
  /** Name of the variable without its prefix. */
  variable?: string;
  values?: readonly string[];
  /** Other spellings that documents show. */
  aliases?: readonly string[];
}

const text = (name: string, description: string, more: Partial<TideFlag> = {}): TideFlag => ({
  name,
  type: "text",
  description,
  ...more,
});
const number = (name: string, description: string, more: Partial<TideFlag> = {}): TideFlag => ({
  name,
  type: "number",
  description,
  ...more,
});
const flag = (name: string, description: string, more: Partial<TideFlag> = {}): TideFlag => ({
  name,
  type: "boolean",
  description,
  ...more,
});

export const GLOBAL_FLAGS: readonly TideFlag[] = [
  text("output", "text or json", { values: ["text", "json"] }),
  text("postgres-url", "Connection URL, postgres://...", { variable: "POSTGRES_URL" }),
  text("postgres-url-file", "File that holds the URL; wins", { variable: "POSTGRES_URL_FILE" }),
  text("metrics-addr", "Where metrics and health are served", { variable: "METRICS_ADDR" }),
  text("log-format", "text or json", { variable: "LOG_FORMAT", values: ["text", "json"] }),
  text("log-level", "error, warn, info or debug", {
    variable: "LOG_LEVEL",
    values: ["error", "warn", "info", "debug", "trace"],
  }),
  text("relay-group-id", "Relays of one group share the pipelines", { variable: "RELAY_GROUP_ID" }),
  text("config", "TOML file of settings", { variable: "CONFIG" }),
  number("drain-timeout", "Seconds to finish at the end (30)", {
    variable: "DRAIN_TIMEOUT",
    aliases: ["shutdown-timeout"],
  }),
  number("max-pipelines", "Most pipelines of this process (50)", { variable: "MAX_PIPELINES" }),
  number("max-connections", "Most sessions on the database (52)", { variable: "MAX_CONNECTIONS" }),
  text("tenant-id", "Only pipelines of this tenant", { variable: "TENANT_ID" }),
  flag("self-test", "Check everything and end", { variable: "SELF_TEST" }),
  text("expect-extension-version", "Refuse another version of schema tide", { variable: "EXPECT_EXTENSION_VERSION" }),
  text("config-mode", "toml_allowed or catalog_only", {
    variable: "CONFIG_MODE",
    values: ["toml_allowed", "catalog_only"],
  }),
  number("sweep-interval-hours", "Hours between sweeps (24); 0 is never", { variable: "SWEEP_INTERVAL_HOURS" }),
  number("discovery-interval", "Seconds between looks at the catalog (30)", { variable: "DISCOVERY_INTERVAL" }),
  text("otel-endpoint", "OTLP receiver of traces", { variable: "OTEL_ENDPOINT" }),
  // Ours: without them a relay could not do what its guide describes.
  text("secret-root", "Directory that ${file:} may read below", { variable: "SECRET_ROOT" }),
  text("file-root", "Directory that file sinks may write below", { variable: "FILE_ROOT" }),
  text("ssrf-allow", "Private networks that pipelines may dial", { variable: "SSRF_ALLOW" }),
  text("metrics-token", "Bearer token of /metrics, as ${file:/path}", { variable: "METRICS_TOKEN" }),
  flag("allow-superuser", "Run although the role is a superuser", { variable: "ALLOW_SUPERUSER" }),
  flag("allow-insecure", "Permit plain HTTP and unverified TLS", { variable: "ALLOW_INSECURE" }),
  flag("help", "Show this help"),
  flag("version", "Show the version"),
];

export interface TideCommand {
  words: string;
  summary: string;
  positionals?: readonly string[];
  flags?: readonly TideFlag[];
  /** Flags that must be there. */
  needs?: readonly string[];
}

const PIPELINE = text("pipeline", "Name of the pipeline");
const DEDUP_KEY = text("dedup-key", "Dedup key of the dead letter");
const SWEEP_FLAGS = [
  text("outbox", "Only this outbox"),
  number("batch-size", "Events of one transaction (1000)"),
  number("max-batches", "Stop after so many"),
  flag("dry-run", "Count and remove nothing"),
];
const PREVIEW_FLAGS = [
  text("outbox", "Name of the outbox"),
  number("from-id", "First event (0)"),
  number("to-id", "Last event"),
  number("limit", "Most events (100)"),
];

export const COMMANDS: readonly TideCommand[] = [
  { words: "run", summary: "Run the relay (default)" },
  { words: "doctor", summary: "Check the database, the schema and the pipelines" },
  {
    words: "status",
    summary: "Show how the pipelines are",
    flags: [flag("inbox-summary", "Show the inboxes too")],
  },
  {
    words: "history",
    summary: "Show the changes of a pipeline",
    positionals: ["pipeline"],
    flags: [number("limit", "How many (20)"), text("since", "Only after this time")],
  },
  { words: "config validate", summary: "Check one pipeline", flags: [PIPELINE], needs: ["pipeline"] },
  { words: "validate-config", summary: "The same, older", flags: [PIPELINE], needs: ["pipeline"] },
  { words: "config export", summary: "Print configurations", flags: [PIPELINE] },
  { words: "migrate-config", summary: "Print the SQL for the [[pipeline]] blocks of an older TOML file" },
  { words: "maintenance sweep", summary: "Remove what is delivered and past its retention", flags: SWEEP_FLAGS },
  { words: "sweep", summary: "The same, older", flags: SWEEP_FLAGS },
  { words: "replay preview", summary: "Print events, one per line", flags: PREVIEW_FLAGS, needs: ["outbox"] },
  { words: "replay dry-run", summary: "The same, older", flags: PREVIEW_FLAGS, needs: ["outbox"] },
  {
    words: "replay execute",
    summary: "Deliver a range again",
    flags: [
      PIPELINE,
      number("from-id", "First event"),
      number("to-id", "Last event"),
      number("batch-size", "Events of one batch (100)"),
    ],
    needs: ["pipeline", "from-id", "to-id"],
  },
  {
    words: "replay dlq-resolve",
    summary: "Settle a dead letter",
    flags: [PIPELINE, DEDUP_KEY],
    needs: ["pipeline", "dedup-key"],
  },
  {
    words: "replay dlq-requeue",
    summary: "Deliver a dead letter again",
    flags: [PIPELINE, DEDUP_KEY],
    needs: ["pipeline", "dedup-key"],
  },
  {
    words: "support-bundle",
    summary: "Write five files for a report",
    flags: [text("output-dir", "Directory for the files")],
    needs: ["output-dir"],
  },
  { words: "template list", summary: "List the templates of pipelines" },
  {
    words: "template validate",
    summary: "Check whether a template can be filled",
    positionals: ["template"],
    flags: [text("overrides", "Values, a JSON object")],
  },
  { words: "dag check", summary: "Look for cycles between pipelines" },
  {
    words: "backfill create",
    summary: "Deliver history of an outbox again",
    positionals: ["job"],
    flags: [
      text("outbox", "Name of the outbox"),
      text("pipeline", "Only by this pipeline"),
      number("from-id", "First event (0)"),
      number("to-id", "Last event"),
      number("chunk-size", "Events of one chunk (500)"),
      number("throttle-ms", "Pause between chunks (0)"),
    ],
    needs: ["outbox"],
  },
  { words: "backfill pause", summary: "Stop a job for now", positionals: ["job"] },
  { words: "backfill resume", summary: "Go on with a job", positionals: ["job"] },
  { words: "backfill cancel", summary: "End a job", positionals: ["job"] },
  { words: "backfill status", summary: "Show the backfill jobs" },
  { words: "asyncapi export", summary: "Print what there is as an AsyncAPI document" },
  {
    words: "asyncapi validate",
    summary: "Compare a document: 0 right, 1 drift, 2 undocumented",
    flags: [text("file", "The document, JSON or YAML")],
    needs: ["file"],
  },
];

export interface TideCall {
  command: TideCommand;
  values: ReadonlyMap<string, string | number | boolean>;
  positionals: readonly string[];
}

/** A call that cannot be read: ends with 2. */
export class TideUsageError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = "TideUsageError";
    this.hint = hint;
  }
}

/** Reads the words after the program's name. Throws TideUsageError. */
export function readCall(words: readonly string[]): TideCall {
  const all = [...GLOBAL_FLAGS, ...COMMANDS.flatMap(({ flags = [] }) => flags)];
  const tokens = tokensOf(words, all);
  const plain = tokens.flatMap((token) => (token.kind === "positional" ? [token.value] : []));
  const command = commandOf(plain);
  const positionals = plain.slice(command.words === "run" && plain[0] !== "run" ? 0 : command.words.split(" ").length);
  const known = [...GLOBAL_FLAGS, ...(command.flags ?? [])];
  const values = new Map<string, string | number | boolean>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const found = known.find(({ name, aliases }) => name === token.name || aliases?.includes(token.name));
    if (!found) throw unknownFlag(token.name, known);
    // `history --output table` is a spelling of its own for people's text.
    values.set(
      found.name,
      command.words === "history" && token.value === "table" ? "text" : checkedValue(found, token.value),
    );
  }
  if (!values.get("help") && !values.get("version")) checkComplete(command, values, positionals);
  return { command, values, positionals };
}

type Token = { kind: "option"; name: string; value: string | undefined } | { kind: "positional"; value: string };

function tokensOf(words: readonly string[], flags: readonly TideFlag[]): Token[] {
  const options = Object.fromEntries(
    flags
      .flatMap((each) => [each.name, ...(each.aliases ?? [])].map((name) => ({ ...each, name })))
      .map(({ name, type }) => [name, { type: type === "boolean" ? ("boolean" as const) : ("string" as const) }]),
  );
  const { tokens } = parseArgs({ args: [...words], options, strict: false, tokens: true, allowPositionals: true });
  return tokens.flatMap((token): Token[] => {
    if (token.kind === "option") return [{ kind: "option", name: token.name, value: token.value }];
    return token.kind === "positional" ? [{ kind: "positional", value: token.value }] : [];
  });
}

function commandOf([first, second]: readonly string[]): TideCommand {
  const find = (name: string): TideCommand | undefined => COMMANDS.find(({ words }) => words === name);
  const found = first === undefined ? find("run") : (find(`${first} ${second}`) ?? find(first));
  if (found) return found;
  const names = COMMANDS.map(({ words }) => words);
  const near = nearestName(`${first} ${second ?? ""}`.trim(), names) ?? nearestName(first ?? "", names);
  const group = names.filter((name) => name.startsWith(`${first} `));
  const hint = group.length > 0 ? `Known: ${group.join(", ")}.` : "pg-tide --help lists the commands.";
  throw new TideUsageError("unknown command", near ? `Did you mean "${near}"?` : hint);
}

function unknownFlag(name: string, known: readonly TideFlag[]): TideUsageError {
  const near = nearestName(
    name,
    known.map((each) => each.name),
  );
  const isPrintable = /^[a-z][a-z-]{0,23}$/.test(name);
  return new TideUsageError(
    isPrintable ? `unknown flag "--${name}"` : "unknown flag",
    near ? `Did you mean "--${near}"?` : "pg-tide --help lists the flags.",
  );
}

function checkedValue({ name, type, values }: TideFlag, given: string | undefined): string | number | boolean {
  if (type === "boolean") {
    if (given === undefined || given === "true") return true;
    if (given === "false") return false;
    throw new TideUsageError(`--${name} takes true or false`, `Write --${name} alone for true.`);
  }
  if (given === undefined) throw new TideUsageError(`--${name} needs a value`, `Write --${name} VALUE.`);
  if (type === "number") {
    if (/^\d{1,15}$/.test(given)) return Number(given);
    throw new TideUsageError(`--${name} takes a whole number`, `Write --${name} followed by digits.`);
  }
  if (values && !values.includes(given))
    throw new TideUsageError(`--${name} takes one of ${values.join(", ")}`, `Write --${name} ${values[0]}.`);
  return given;
}

function checkComplete(
  { words, positionals = [], needs = [] }: TideCommand,
  values: ReadonlyMap<string, unknown>,
  given: readonly string[],
): void {
  const missing = needs.find((name) => !values.has(name));
  if (missing !== undefined)
    throw new TideUsageError(`"${words}" needs --${missing}`, `Write pg-tide ${words} --${missing} VALUE.`);
  if (given.length === positionals.length) return;
  const shown = positionals.map((name) => `<${name}>`).join(" ");
  throw new TideUsageError(
    `"${words}" takes ${positionals.length === 0 ? "no arguments" : shown}`,
    `Write pg-tide ${words}${shown === "" ? "" : ` ${shown}`}.`,
  );
}

/** Help of the program, at most 100 columns wide. */
export function helpText(): string {
  const width = Math.max(...COMMANDS.map(({ words }) => words.length));
  const flagWidth = Math.max(...GLOBAL_FLAGS.map(({ name }) => name.length));
  return [
    "pg-tide: the relay of schema tide, with the command line of pg_tide, provided by pgkeep",
    "",
    "Usage",
    "  pg-tide [flags] [command] [arguments]",
    "",
    "Commands",
    ...COMMANDS.map(({ words, summary }) => `  ${words.padEnd(width)}  ${summary}`),
    "",
    "Flags, before or after the command (variables: PG_TIDE_ and the name in capitals)",
    ...GLOBAL_FLAGS.map(({ name, description }) => `  --${name.padEnd(flagWidth)}  ${description}`),
    ...["", "Flags of single commands"],
    ...COMMANDS.filter(({ flags = [] }) => flags.length > 0).map(
      ({ words, flags = [] }) => `  ${words}: ${flags.map(({ name }) => `--${name}`).join(" ")}`,
    ),
    "",
    "Exit status: 0 done, 1 failed, 2 the call could not be read",
    "",
  ].join("\n");
}
