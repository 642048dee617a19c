/**
 * The session interface, level 1, as data: what the SQL of a project may rely on while it is deployed.
 *
 * Names, columns and types are frozen; test/pg compares this table with the objects of a real session.
 */
import { EXIT } from "../../base/errors.ts";

export const VIEWS = [
  {
    name: "pgmi_source_view",
    columns:
      "path text, name text, directory text, extension text, depth integer, content text, size_bytes bigint, checksum text, pgmi_checksum text, path_parts text[], is_sql_file boolean, is_test_file boolean, parent_folder_name text",
    note: "every project file except deploy.sql and tests",
  },
  {
    name: "pgmi_parameter_view",
    columns: "key text, value text, type text, required boolean, default_value text, description text",
    note: "keys are lower case; each is also the session variable pgmi.<key>",
  },
  {
    name: "pgmi_plan_view",
    columns:
      "path text, content text, checksum text, generic_id uuid, id uuid, idempotent boolean, description text, sort_key text, execution_order bigint",
    note: "files to run, ordered by execution_order; a file with several sort keys appears once for each",
  },
  {
    name: "pgmi_source_metadata_view",
    columns: "path text, id uuid, idempotent boolean, sort_keys text[], description text",
    note: "files that carry a <pgmi-meta> block",
  },
  {
    name: "pgmi_test_source_view",
    columns: "path text, directory text, filename text, content text, is_fixture boolean",
    note: "files below __test__ or __tests__",
  },
  {
    name: "pgmi_test_directory_view",
    columns: "path text, parent_path text, depth integer",
    note: "directories that hold tests, with their nearest listed ancestor",
  },
];

export const FUNCTIONS = [
  {
    name: "pgmi_register_file",
    args: "in_path text, in_content text, in_checksum text, in_pgmi_checksum text",
    returns: "pg_temp._pgmi_source",
  },
  { name: "pgmi_is_sql_file", args: "filename text", returns: "boolean" },
  { name: "pgmi_validate_pattern", args: "p_pattern text", returns: "text" },
  { name: "pgmi_has_tests", args: "p_directory text, p_pattern text DEFAULT NULL", returns: "boolean" },
  {
    name: "pgmi_test_plan",
    args: "p_pattern text DEFAULT NULL",
    returns: "TABLE(ordinal integer, step_type text, script_path text, directory text, depth integer)",
  },
  {
    name: "pgmi_test_generate",
    args: "p_pattern text DEFAULT NULL, p_callback text DEFAULT 'pg_temp.pgmi_test_callback'",
    returns: "text",
  },
  { name: "pgmi_test_callback", args: "e pgmi_test_event", returns: "void" },
  { name: "pgmi_run_test_source", args: "p_path text", returns: "void" },
  { name: "pgmi_persist_test_plan", args: "target_schema text, p_pattern text DEFAULT NULL", returns: "void" },
];

export const TYPES = [
  {
    name: "pgmi_test_event",
    fields: "event text, path text, directory text, depth integer, ordinal integer, context jsonb",
    events: [
      "suite_start",
      "fixture_start",
      "fixture_end",
      "test_start",
      "test_end",
      "rollback",
      "teardown_start",
      "teardown_end",
      "suite_end",
    ],
    note: "what a test callback receives",
  },
];

export const MACROS = [
  {
    form: "CALL pgmi_test();",
    description: "runs every test, each undone before the next; a failure fails the deploy",
  },
  { form: "CALL pgmi_test('pattern');", description: "only tests whose path matches the POSIX regular expression" },
  {
    form: "CALL pgmi_test('pattern', 'schema.function');",
    description: "reports every step to that function, which takes a pg_temp.pgmi_test_event",
  },
];

const EXIT_DESCRIPTIONS: Readonly<Record<number, string>> = {
  [EXIT.ok]: "done",
  [EXIT.failed]: "failed for a reason without a code of its own",
  [EXIT.usage]: "unknown command or flag, wrong arguments",
  [EXIT.crash]: "a bug of the program",
  [EXIT.config]: "configuration or input refused before anything ran",
  [EXIT.connection]: "could not connect, or was not let in",
  [EXIT.notApproved]: "the overwrite was not approved",
  [EXIT.execution]: "SQL or a test failed",
  [EXIT.scriptMissing]: "deploy.sql is missing",
  [EXIT.locked]: "another deploy holds the lock",
  [EXIT.timeout]: "the timeout passed",
  [EXIT.interrupted]: "SIGINT or SIGTERM",
};

/** Exit statuses of a deploy, lowest first. */
export const EXIT_CODES = Object.entries(EXIT)
  .map(([name, code]) => ({ code, name, description: EXIT_DESCRIPTIONS[code] ?? "" }))
  .filter(({ description }) => description !== "")
  .sort((a, b) => a.code - b.code);

export const EXECUTION_CONTRACT = {
  session: "one connection for the whole run; everything of pg_temp and every SET stays until it ends",
  head: "all of deploy.sql up to and including the first top-level COMMIT, END, ROLLBACK or ABORT, sent as one message: it happens completely or not at all",
  tail: "every statement after it on its own, as psql in autocommit mode does; earlier ones stay when a later one fails",
  unfinished: "a script that ends inside an open transaction fails and its open work is rolled back",
  psql_commands: "not interpreted: \\i, \\set and the like reach the server as they are and fail there",
  retries: "connecting is retried, SQL never",
};
