/** From an operation's zod schema to its entry in the command table. */

/** Keywords that the command line checks itself; a schema with any other one is checked by zod at run time. */
const CHECKED = new Set([
  "type",
  "enum",
  "default",
  "description",
  "items",
  "minimum",
  "maximum",
  "additionalProperties",
  "propertyNames",
]);

/** Keys of `.meta()` that the command line reads. */
const META = new Set([
  "short",
  "flag",
  "group",
  "valueName",
  "hidden",
  "suggest",
  "duration",
  "secret",
  "$schema",
  "id",
  "title",
  "examples",
]);

const GROUPS = new Set(["connection", "what", "output", "safety"]);

const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export function commandOf(operation, z, formats) {
  const { name, cli } = operation;
  const input = operation.input(z);
  const schema = z.toJSONSchema(input, { io: "input", unrepresentable: "any" });
  const positionalNames = (cli.positionals ?? []).map((each) => each.replace(/\?$/, ""));
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {});
  for (const [field, property] of fields) {
    if (!property.description) throw new Error(`operation ${name}: field "${field}" has no description`);
    if (property.group && !GROUPS.has(property.group))
      throw new Error(`operation ${name}: "${field}" has an unknown group`);
  }
  const flags = fields
    .filter(([field, property]) => !positionalNames.includes(field) && property.secret !== true)
    .map(([field, property]) => flagOf(name, field, property));
  const offered = formats[name] ?? [];
  for (const format of cli.formats ?? [])
    if (!offered.includes(format)) throw new Error(`operation ${name}: no renderer for format "${format}"`);
  const list = listOf(operation, z);
  return {
    words: cli.command,
    operation: name,
    summary: operation.summary,
    ...(operation.description ? { description: operation.description } : {}),
    effects: operation.effects,
    json: cli.json ?? "envelope",
    formats: [...(cli.formats ?? [])],
    ...(list ? { list } : {}),
    exitCodes: exitCodesOf(cli),
    positionals: positionalNames.map((field, index) =>
      positionalOf(schema, field, !cli.positionals[index].endsWith("?")),
    ),
    flags,
    examples: cli.examples.map(({ line, does }) => ({ line, does })),
    validate:
      isPlain(input) &&
      fields.every(([field, property]) => isChecked(property) && reachable(field, required, positionalNames))
        ? "table"
        : "zod",
    ...(schema.properties?.timeout ? { ownTimeout: true } : {}),
  };
}

/** 16 and 130: every operation has a --timeout and can be interrupted. */
const exitCodesOf = ({ exitCodes = [] }) => [...new Set([...exitCodes, 16, 130])].sort((a, b) => a - b);

/** A required field must be a positional for the table to check that it is there. */
const reachable = (field, required, positionals) => !required.has(field) || positionals.includes(field);

const isChecked = (property) =>
  Object.keys(property).every((key) => CHECKED.has(key) || META.has(key)) &&
  (property.items === undefined || Object.keys(property.items).every((key) => key === "type"));

/** Whether the schema holds nothing JSON Schema cannot say: no refinement, transform or preprocessing. */
function isPlain(schema) {
  const { type, checks = [], innerType, element, shape } = schema._zod.def;
  if (checks.some((check) => check._zod.def.check === "custom" || check._zod.def.check === "overwrite")) return false;
  if (type === "object") return Object.values(shape).every(isPlain);
  if (innerType) return isPlain(innerType);
  if (element) return isPlain(element);
  return ["string", "number", "boolean", "enum", "literal", "record"].includes(type);
}

function flagOf(operation, field, property) {
  const name = property.flag ?? kebab(field);
  const type = typeOf(operation, field, property);
  return {
    name,
    field,
    type,
    ...(property.short ? { short: property.short } : {}),
    ...(property.enum ? { values: property.enum } : {}),
    ...(property.valueName ? { valueName: property.valueName } : {}),
    description: property.description,
    group: property.group ?? "what",
    ...(property.hidden ? { hidden: true } : {}),
    ...(property.default === undefined ? {} : { default: property.default }),
    ...(property.minimum === undefined ? {} : { minimum: property.minimum }),
    ...(property.maximum === undefined ? {} : { maximum: property.maximum }),
    ...(property.duration ? { duration: true } : {}),
  };
}

function typeOf(operation, field, { type, items }) {
  if (type === "array" && items?.type === "string") return "list";
  if (type === "object") return "map";
  if (["string", "boolean", "integer", "number"].includes(type)) return type;
  throw new Error(`operation ${operation}: field "${field}" cannot be a flag`);
}

function positionalOf(schema, field, required) {
  const property = schema.properties?.[field];
  if (!property) throw new Error(`positional "${field}" is no field of the input`);
  return {
    field,
    type: property.type === "array" ? "list" : "string",
    required,
    description: property.description,
    ...(property.enum ? { values: property.enum } : {}),
    ...(property.suggest ? { suggest: property.suggest } : {}),
  };
}

/** The field of the output that the command declares as its list, with the keys of its records. */
function listOf(operation, z) {
  const field = operation.cli.list;
  if (field === undefined) return undefined;
  const schema = z.toJSONSchema(operation.output(z), { io: "output", unrepresentable: "any", cycles: "ref" });
  const columns = Object.keys(schema.properties?.[field]?.items?.properties ?? {});
  if (columns.length === 0)
    throw new Error(`operation ${operation.name}: output field "${field}" is no list of records`);
  return { field, columns };
}

/** Which flags of our operations the reference's commands have, in the reference's order. */
const PGMI_FLAGS = {
  deploy: [
    "connection",
    "host",
    "port",
    "username",
    "database",
    "sslmode",
    "sslcert",
    "sslkey",
    "sslrootcert",
    "azure",
    "azure-tenant-id",
    "azure-client-id",
    "aws",
    "aws-region",
    "google",
    "google-instance",
    "overwrite",
    "force",
    "param",
    "params-file",
    "timeout",
    "compat",
  ],
  init: ["template"],
  "config edit": [],
  info: [],
  "metadata scaffold": ["write", "idempotent"],
  "metadata validate": [],
  "metadata plan": [],
  "templates list": [],
  "templates describe": [],
  ai: [],
  "ai contract": [],
  "ai skills": [],
  "ai skill": [],
  "ai client": [],
  "ai setup": ["assistant", "all", "global", "dry-run", "force", "claude-md", "no-claude-md"],
  "ai check": ["assistant", "all", "global"],
};

/** Commands whose name differs from the reference's. */
const PGMI_NAMES = { "config edit": "config" };

/** Commands that take --json there. */
const PGMI_JSON = new Set(["deploy", "info", "metadata validate", "metadata plan"]);

/** The reference's commands, over our operations. */
export function pgmiCommands(own) {
  return own
    .filter(({ words }) => Object.hasOwn(PGMI_FLAGS, words))
    .map((command) => ({
      ...command,
      words: PGMI_NAMES[command.words] ?? command.words,
      json: PGMI_JSON.has(command.words) ? "bare" : "envelope",
      formats: [],
      flags: command.flags.filter(({ name }) => PGMI_FLAGS[command.words].includes(name) || name === "verbose"),
      examples: command.examples
        .filter(({ line }) => mentionsOnly(line, PGMI_FLAGS[command.words]))
        .map(({ line, does }) => ({ line: pgmiLine(line, command.words), does })),
      list: undefined,
    }));
}

const pgmiLine = (line, words) => line.replace(`pgkeep ${words}`, `pgmi ${PGMI_NAMES[words] ?? words}`);

const mentionsOnly = (line, flags) =>
  [...line.matchAll(/\s--([a-z-]+)/g)].every(([, name]) => name === "json" || flags.includes(name));
