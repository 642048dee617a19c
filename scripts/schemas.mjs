/**
 * The JSON schemas of everything `--json` prints, made from the output schemas of the operations.
 *
 * One file per operation describes its result: the `data` of the envelope, or the whole document of commands that print
 * theirs bare. envelope.json describes what is around it, failure.json what bare commands print when they fail.
 */
import { z } from "zod";

const { $schema: DIALECT } = z.toJSONSchema(z.null(), { target: "draft-2020-12" });

const text = (description) => ({ type: "string", description });
const textOrNull = (description) => ({ type: ["string", "null"], description });
const integer = (description) => ({ type: "integer", description });
const integerOrNull = (description) => ({ type: ["integer", "null"], description });

function closed(properties, more = {}) {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false, ...more };
}

const ERROR = closed({
  code: text("Code of the failure, one of docs/reference/errors.md"),
  message: text("What happened"),
  detail: textOrNull("Why"),
  hint: textOrNull("What to do"),
  state: textOrNull("What things are like now"),
  sqlstate: textOrNull("The server's code"),
  where: textOrNull("The server's context"),
  file: textOrNull("File that line and column belong to"),
  line: integerOrNull("Line, from 1"),
  column: integerOrNull("Column in characters, from 1"),
  retryable: { type: "boolean", description: "Whether the same command may succeed later" },
  docs: text("Where the code is explained"),
});

const TLS = closed({
  protocol: text("Protocol version"),
  verified: { type: "boolean", description: "Whether the server's certificate was verified" },
});

const TARGET = closed({
  host: text("Server name, address or socket directory"),
  port: integerOrNull("Port"),
  database: text("Database"),
  user: text("Role"),
  server_version: textOrNull("The server's version"),
  tls: { anyOf: [TLS, { type: "null" }], description: "null without TLS, as on a Unix socket" },
});

const ENVELOPE = {
  $schema: DIALECT,
  title: "Result of a pgkeep command",
  description: "What --json prints. data follows the schema of the command's operation, or is null after a failure.",
  ...closed({
    schema_version: { const: 1 },
    command: text("Words of the command"),
    ok: { type: "boolean", description: "Whether the command completed" },
    exit_code: integer("Exit status"),
    observed_at: { type: "string", format: "date-time", description: "When the command ended" },
    tool: closed({ name: { const: "pgkeep" }, version: text("Version of the program") }),
    target: {
      anyOf: [TARGET, { type: "null" }],
      description: "The server that the command was connected to; null when it never was",
    },
    data: { description: "The result, or what a failure knows" },
    error: { anyOf: [ERROR, { type: "null" }], description: "null when ok" },
    warnings: { type: "array", items: { type: "string" }, description: "What was warned of on stderr" },
  }),
};

const FAILURE = {
  $schema: DIALECT,
  title: "Failure of a command without an envelope",
  description:
    "What --json prints when deploy, info, metadata or ai contract fails. More keys say what the command knows.",
  type: "object",
  properties: {
    status: { const: "failed" },
    exitCode: integer("Exit status"),
    error: text("What happened"),
    code: text("Code of the failure, one of docs/reference/errors.md"),
    retryable: { type: "boolean", description: "Whether the same command may succeed later" },
    state: text("What things are like now"),
    sqlstate: text("The server's code"),
    detail: text("Why"),
    hint: text("What to do"),
    where: text("The server's context"),
    failedFile: text("Project file that failed"),
  },
  required: ["status", "exitCode", "error", "code", "retryable"],
};

/** Path -> text of every schema. `operations` are pairs of name and definition. */
export function schemaFiles(operations) {
  const own = operations
    .filter(([, { cli }]) => cli)
    .map(([name, { summary, output }]) => {
      const schema = z.toJSONSchema(output(z), { io: "output", unrepresentable: "any", target: "draft-2020-12" });
      const { $schema, ...rest } = schema;
      return [name, { $schema, title: `Output of ${name}`, description: summary, ...rest }];
    });
  const all = [...own, ["envelope", ENVELOPE], ["failure", FAILURE]];
  return Object.fromEntries(
    all.map(([name, schema]) => [`schemas/${name}.json`, `${JSON.stringify(schema, null, 2)}\n`]),
  );
}
