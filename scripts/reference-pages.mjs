/**
 * The reference pages whose text comes from tables in the sources: the session interface, the configuration files and the
 * access model.
 */

import { NOTE, page, table } from "./reference-text.mjs";

/** What the SQL of a project can use, from src/operations/assistant/contract.ts. */
export function sessionApiPage({ VIEWS, FUNCTIONS, TYPES, MACROS, EXECUTION_CONTRACT }) {
  const columns = (text) => text.split(", ").map((column) => `\`${column}\``);
  return page([
    "# Session interface",
    NOTE,
    "What `deploy.sql` and the files it runs can use, level 1. Everything lives in `pg_temp` of the deploy's own session " +
      "and ends with it. `pgkeep ai contract` prints the same as JSON.",
    "## Views",
    ...VIEWS.flatMap(({ name, columns: list, note }) => [
      `### ${name}`,
      `${note.charAt(0).toUpperCase()}${note.slice(1)}.`,
      table(
        ["column", "type"],
        list.split(", ").map((column) => {
          const [head, ...type] = column.split(" ");
          return [`\`${head}\``, type.join(" ")];
        }),
      ),
    ]),
    "## Functions",
    table(
      ["function", "arguments", "returns"],
      FUNCTIONS.map(({ name, args, returns }) => [`\`${name}\``, args, returns]),
    ),
    "## Types",
    ...TYPES.flatMap(({ name, fields, events, note }) => [
      `\`${name}\`: ${note}. Fields: ${columns(fields).join(", ")}.`,
      `Values of \`event\`: ${events.map((event) => `\`${event}\``).join(", ")}.`,
    ]),
    "## Macros",
    table(
      ["in deploy.sql", "what it becomes"],
      MACROS.map(({ form, description }) => [`\`${form}\``, description]),
    ),
    "## How deploy.sql runs",
    table(
      ["part", "what happens"],
      Object.entries(EXECUTION_CONTRACT).map(([name, text]) => [name.replaceAll("_", " "), text]),
    ),
  ]);
}

/** Keys of the configuration files, from the tables that read them. */
export function configPage({ PGKEEP_SHAPE, PGMI_SHAPE, USER_SHAPE }) {
  const rows = (shape, prefix = "") =>
    Object.entries(shape).flatMap(([name, key]) => {
      const own = [[`\`${prefix}${name}\``, typeText(key), key.description]];
      const inner = prefix.startsWith("env.") || !key.keys ? {} : key.keys;
      if (key.type === "sections") return own;
      return [...own, ...rows(inner, `${prefix}${name}.`)];
    });
  const section = (title, text, shape) => [`## ${title}`, text, table(["key", "value", "meaning"], rows(shape))];
  return page([
    "# Configuration files",
    NOTE,
    "First wins: flag, environment variable, `pgkeep.yaml` with the block of `--env`, `pgkeep.yaml`, `pgmi.yaml`, the " +
      "person's own file, default. An unknown or repeated key is an error with its line. No file can hold a password. " +
      "`pgkeep config show --origin` tells where each value in effect came from.",
    ...section(
      "pgkeep.yaml",
      "Found in the project's directory or above it, up to the repository's root.",
      PGKEEP_SHAPE,
    ),
    ...section("pgmi.yaml", "In the project's directory, as pgmi reads it.", PGMI_SHAPE),
    ...section("The person's own file", "`$XDG_CONFIG_HOME/pgkeep/config.yaml`.", USER_SHAPE),
  ]);
}

/** Keys of an access model, section by section, from the grammar that reads it. */
export function accessModelPage({ FILE_KEYS }) {
  const rowsOf = (keys) =>
    Object.entries(keys).map(([name, { form, description, isRequired }]) => [
      `\`${name}\`${isRequired ? " (required)" : ""}`,
      form.keys ? `${form.shown}; see below` : form.shown,
      description,
    ]);
  const sections = (keys, path) =>
    Object.entries(keys).flatMap(([name, { form, description }]) => {
      if (!form.keys) return [];
      const title = path === "" ? name : `${path}.${name}`;
      const inner = table(["key", "value", "meaning"], rowsOf(form.keys));
      return [`## ${title}`, `${description}.`, inner, ...sections(form.keys, title)];
    });
  return page([
    "# The access model",
    NOTE,
    "One YAML or JSON file says who may do what in one database: roles, memberships, owners, grants, default privileges, " +
      "row level security, and what is to be proved. `pgkeep access init` writes a first one, `pgkeep access import` one of a " +
      "database as it is. Unknown keys are errors with line and column. Passwords are references, never values. The schema for " +
      "editors: `schemas/access.schema.json`, or `pgkeep config schema --file access`.",
    "Names are written as the catalog has them, case kept. `PUBLIC`, in any case, means every role wherever a grant may name " +
      "one; `{ role: PUBLIC }` means a role that somebody called so. In patterns `*` stands for any text, `?` for one character, " +
      "and a backslash takes the meaning from the character after it; routines are also meant by signature, as in " +
      "`total(integer, text)`.",
    "All grants of the file count together; exceptions take from them; columns come last. With `profile` the file is laid over a " +
      "ready-made model: mappings are joined key by key, lists are added to, single values replace.",
    "## The file",
    table(["key", "value", "meaning"], rowsOf(FILE_KEYS)),
    ...sections(FILE_KEYS, ""),
  ]);
}

/** Metrics of a relay, from src/relay/observe/metric-names.ts. */
export function metricsPage({ METRIC_PREFIX, METRICS }) {
  return page([
    "# Metrics",
    NOTE,
    "What `pgkeep relay run` serves at `/metrics`, on `127.0.0.1:9090` unless `--metrics-addr` says otherwise. Names, labels " +
      "and buckets are those of pg_tide, so that its dashboards and alerts go on working; `oldest_event_age_seconds` and " +
      "`events_held_seconds` are ours. No label holds an address or anything that an event brought. Alerts and a dashboard " +
      "made from them are below `deploy/` in the repository.",
    `Every name begins with \`${METRIC_PREFIX}\`.`,
    table(
      ["metric", "kind", "labels", "meaning"],
      METRICS.map(({ name, kind, labels, help, buckets }) => [
        `\`${name}\``,
        kind,
        labels.map((label) => `\`${label}\``).join(", "),
        buckets ? `${help} Buckets: ${buckets.join(", ")}.` : help,
      ]),
    ),
    "## Health",
    table(
      ["path", "answer"],
      [
        ["`/livez`", "200 `alive` while the process runs"],
        [
          "`/readyz`, `/health`, `/healthz`",
          "200 `ready`, or 503 `not ready`: the catalog was not read yet, the database does not answer, or the process is stopping; with `--readiness strict` also while a pipeline fails",
        ],
        ["`/metrics`", "needs the bearer token when `--metrics-token` was given"],
        ["`/status`", "JSON about the pipelines of this process; always needs the bearer token"],
      ],
    ),
  ]);
}

/** pg_tide's command line, from src/cli/pg-tide/grammar.ts and its codes. */
export function pgTidePage({ helpText }, { ERROR_CATALOGUE }) {
  return page([
    "# pg-tide",
    NOTE,
    "`pgkeep pg-tide` accepts the command line of pg_tide, and so does the program when it is started under the name " +
      "`pg-tide`. Settings come from flags, then variables, then a TOML file that nobody else can write. TLS is verified unless " +
      "the URL says otherwise.",
    `\`\`\`text\n${helpText().trimEnd()}\n\`\`\``,
    "## Codes",
    "With JSON output every failure has one of these codes, with its likely cause and the next action.",
    table(
      ["code", "meaning", "likely cause", "next action"],
      ERROR_CATALOGUE.map((entry) => [
        `\`${entry.code}\`${entry.retryable ? " (may pass)" : ""}`,
        entry.summary,
        entry.likely_cause,
        entry.next_action,
      ]),
    ),
  ]);
}

function typeText({ type, values, minimum, maximum }) {
  if (values) return values.join(", ");
  const kinds = {
    map: "free keys",
    list: "list",
    pairs: "list of pairs",
    section: "section",
    sections: "free names, each with the keys above",
    text: "text",
  };
  const range = minimum === undefined ? "" : ` ${minimum} to ${maximum}`;
  return `${kinds[type] ?? type}${range}`;
}
