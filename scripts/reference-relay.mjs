/**
 * The reference pages of the relay, from its definitions: what connectors, formats, signature schemes and transforms say
 * about themselves, the shape of a pipeline, and the functions of schema tide with their comments.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { NOTE, page, table } from "./reference-text.mjs";

/** Path -> text. `load` imports a file of the build. */
export async function relayPages(root, load) {
  const sinks = await membersOf("sinks", load);
  const sources = await membersOf("sources", load);
  const shape = await load("relay/pipeline/shape.js");
  return {
    "docs/reference/sinks.md": connectorsPage(SINKS, sinks),
    "docs/reference/sources.md": connectorsPage(SOURCES, sources),
    "docs/reference/formats.md": formatsPage(await membersOf("formats", load)),
    "docs/reference/signatures.md": signaturesPage(await membersOf("signatures", load)),
    "docs/reference/transforms.md": transformsPage(await membersOf("transforms", load)),
    "docs/reference/pipeline-keys.md": pipelinePage(shape),
    "docs/reference/tide-sql.md": functionsPage(join(root, "sql/relay")),
  };
}

/** The definitions of a catalogue, in the order of their names. */
async function membersOf(folder, load) {
  const { index } = await load(`relay/${folder}/index.js`);
  return await Promise.all(Object.values(index).map(async (member) => (await member()).default));
}

const SINKS = {
  title: "Sinks",
  text: "Where a forward pipeline delivers: `sink_type` names it, `sink` holds its keys. An unknown key is refused.",
};

const SOURCES = {
  title: "Sources",
  text:
    "Where a reverse pipeline gets the events of an inbox from: `source_type` names it, `source` holds its keys. An unknown " +
    "key is refused.",
};

const REFERENCES =
  "Every text may hold references, `${env:NAME}` and `${file:/path}`; keys marked *secret* must be one reference and nothing else.";

function connectorsPage({ title, text }, definitions) {
  return page([`# ${title}`, NOTE, `${text} ${REFERENCES}`, ...definitions.flatMap(connectorSection)]);
}

function connectorSection(definition) {
  const { type, summary, guarantees, limits, config } = definition;
  const facts = [
    ["order", guarantees.order],
    ["duplicates", guarantees.duplicates],
    ["acknowledged when", guarantees.acknowledgement],
    ...(limits ? [["limits", limitsText(limits)]] : []),
    ...packageRows(definition.package),
  ];
  const keys = keyRows(config(z));
  return [
    `## ${type}`,
    `${summary}.`,
    table(["property", "value"], facts),
    keys.length === 0 ? "No keys." : table(["key", "value", "default", "meaning"], keys),
  ];
}

function limitsText({ batchMessages, batchBytes, messageBytes }) {
  const many = batchMessages.toLocaleString("en");
  return `${many} events and ${sizeText(batchBytes)} at once, ${sizeText(messageBytes)} an event`;
}

function sizeText(bytes) {
  return bytes >= 2 ** 20 ? `${bytes / 2 ** 20} MiB` : `${bytes / 2 ** 10} KiB`;
}

function packageRows(needed) {
  if (needed === undefined) return [];
  const packages = [needed].flat().map(({ name, range }) => `\`${name}@${range}\``);
  return [["needs the npm packages", packages.join(", ")]];
}

/** Rows of a table for each key of a zod object, inner objects key by key. */
function keyRows(schema) {
  return rowsOf(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
}

function rowsOf(schema, prefix = "") {
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).flatMap(([name, key]) => {
    const path = `${prefix}${name}`;
    const isRequired = required.includes(name);
    const inner = key.type === "array" ? key.items : key;
    const rest = inner?.properties ? rowsOf(inner, key.type === "array" ? `${path}[].` : `${path}.`) : [];
    const description = key.description ?? "";
    if (rest.length > 0 && description === "") return rest;
    if (description === "") throw new Error(`say what ${path} means, with .meta({ description })`);
    return [[`\`${path}\`${isRequired ? " (required)" : ""}`, valueText(key), defaultText(key), description], ...rest];
  });
}

function valueText(key) {
  const secret = key.secret ? ", secret" : "";
  const choices = key.anyOf ?? key.oneOf;
  if (key.enum) return `${key.enum.map((one) => `\`${one}\``).join(", ")}${secret}`;
  if (key.const !== undefined) return `\`${key.const}\`${secret}`;
  if (choices) return choices.map(valueText).join(" or ");
  if (key.type === "array") return `list of ${valueText(key.items ?? {})}${secret}`;
  if (key.type === "object") return key.properties ? "object" : "object of names and values";
  return `${KINDS[key.type] ?? "any JSON"}${rangeText(key)}${secret}`;
}

const KINDS = { string: "text", integer: "whole number", number: "number", boolean: "true or false", null: "null" };

function rangeText({ type, minimum, maximum }) {
  if (type !== "integer" && type !== "number") return "";
  const [low, high] = [minimum, maximum].map((one) => (Math.abs(one ?? Infinity) < 2 ** 53 - 1 ? one : undefined));
  const text = (one) => one.toLocaleString("en");
  if (low !== undefined && high !== undefined) return ` ${text(low)} to ${text(high)}`;
  if (low !== undefined) return `, at least ${text(low)}`;
  return high === undefined ? "" : `, at most ${text(high)}`;
}

function defaultText({ default: value }) {
  if (value === undefined) return "";
  if (typeof value === "object" && Object.keys(value).length === 0) return Array.isArray(value) ? "none" : "";
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

function formatsPage(definitions) {
  const sections = definitions.flatMap(({ name, summary, options, encode, decode }) => [
    `## ${name}`,
    `${summary}. ${directions(encode, decode)}.`,
    optionsTable(options),
  ]);
  return page([
    "# Wire formats",
    NOTE,
    "How events look outside: `wire_format` of a pipeline names one, `wire_config` holds its keys. " +
      "What becomes of bodies is told in [Pipelines](pipelines.md#wire-formats).",
    ...sections,
  ]);
}

function directions(encode, decode) {
  if (encode && decode) return "Written and read";
  return encode ? "Written only" : "Read only";
}

function optionsTable(options) {
  const rows = keyRows(options(z));
  return rows.length === 0 ? "No keys." : table(["key", "value", "default", "meaning"], rows);
}

function signaturesPage(definitions) {
  const sections = definitions.flatMap(({ name, summary, options, sign, verify }) => [
    `## ${name}`,
    `${summary}. ${sign && verify ? "Signs and verifies" : sign ? "Signs only" : "Verifies only"}.`,
    optionsTable(options),
  ]);
  return page([
    "# Signature schemes",
    NOTE,
    "How webhooks prove who sent them: `signature.scheme` of the sink or source `webhook`. Headers, signed bytes and ids stand " +
      "side by side in [Webhooks](webhooks.md#signature-schemes).",
    ...sections,
  ]);
}

function transformsPage(definitions) {
  const inOrder = [...definitions].sort((one, other) => one.rank - other.rank);
  const sections = inOrder.flatMap(({ name, summary, options }) => {
    const schema = z.toJSONSchema(options(z), { io: "input", unrepresentable: "any" });
    const rows = rowsOf(schema);
    const value =
      rows.length > 0 ? table(["key", "value", "default", "meaning"], rows) : `${schema.description ?? ""}.`;
    return [`## ${name}`, `${summary}.`, value];
  });
  return page([
    "# Transforms",
    NOTE,
    "What a pipeline does to an event before it is written, in this order. `filter` and `payload` are keys of `transform`; what " +
      "`decrypt` needs is `encryption` of the pipeline. Rules of the expressions: [Pipelines](pipelines.md#transforms).",
    ...sections,
  ]);
}

function pipelinePage({ shapeOf, outboxSourceShape, inboxSinkShape }) {
  const keys = (schema) => table(["key", "value", "default", "meaning"], keyRows(schema));
  return page([
    "# Keys of a pipeline",
    NOTE,
    "What the JSON of a pipeline may hold beside `source_type`, `source`, `sink_type` and `sink`. What it is for, with examples: " +
      "[Pipelines](pipelines.md). An unknown key is refused.",
    keys(shapeOf(z)),
    "## source of a forward pipeline",
    "`source_type` is `outbox`, which is also the default. Sinks: [Sinks](sinks.md).",
    keys(outboxSourceShape(z)),
    "## sink of a reverse pipeline",
    "`sink_type` is `inbox`, which is also the default. Sources: [Sources](sources.md).",
    keys(inboxSinkShape(z)),
  ]);
}

/** Files of sql/relay whose functions are for users, with their titles. */
const CHAPTERS = {
  "0001_tables.sql": "Version",
  "0002_publish.sql": "Publishing",
  "0003_outbox.sql": "Outboxes",
  "0004_consumers.sql": "Consumer groups",
  "0006_inbox.sql": "Inboxes",
  "0007_pipelines.sql": "Pipelines",
  "0008_dead_letters.sql": "Dead letters",
  "0009_templates.sql": "Templates",
  "0010_tenants.sql": "Tenants",
  "0011_more.sql": "Dependencies, fan-in, backfill, shapes of events, receipts",
};

/** Functions that others are made of. Whatever is not named here is for users and has to have a comment. */
const INNER = [
  /^(fence_|publisher_|publish_|fail$|tenant_|backfill_(move|next|keep|advance|fail)$)/,
  /^inbox_(check_|rebuild_|add_columns|make|table|require_|upgrade)/,
  /^relay_(refuse|masked|config_(changed|grammar|leaves)|sees_|tenants_changed|require|note|outbox_missing|adopted_)/,
  /^relay_(unlink_|claimed_|sweep_one|check_|ensure_|group_|join_|inline_|is_secret|canonical|respell|as_object|store_)/,
  /^relay_(optional_|shared_|source_type|not_found|may_|shown_|pause$|pipeline_state_|auto_resume$|dlq_(changed|note|not_found))/,
  /^relay_(dlq_(mark|close|find)|template_(blanks|fill|value|not_found|pipeline_keys|resolve)|dag_ready|fanin_(changed|switch|members))/,
  /^relay_(schema_(fingerprint|observe)|connector_types|wire_formats|config_leaves)/,
];

function functionsPage(folder) {
  const signatures = signaturesIn(readFileSync(join(folder, "schema.golden.sql"), "utf8"));
  const files = readdirSync(folder).filter((name) => name in CHAPTERS);
  const sections = files.flatMap((file) => {
    const functions = functionsIn(readFileSync(join(folder, file), "utf8"));
    const rows = functions.flatMap(({ name, comments }) => rowsOfFunction(name, comments, signatures));
    return [`## ${CHAPTERS[file]}`, table(["function", "gives", "what it does"], rows)];
  });
  return page([
    "# Functions of schema tide",
    NOTE,
    "What applications, operators and deploys call. Arguments can be named: `tide.outbox_create('orders', p_retention_hours => " +
      "48)`. Who may call what is decided by grants; `pgkeep relay install --roles` makes roles that have them. Refusals have a " +
      "SQLSTATE, a machine code in `DETAIL`, and what to do in `HINT`.",
    ...sections,
  ]);
}

/** Name -> [{ types, text, returns }] of the functions of a schema dump. */
function signaturesIn(golden) {
  const lines = golden.matchAll(/^-- function tide\.(\w+)\((.*)\) returns (.+?) (?:volatile|stable|immutable)\b/gm);
  const found = new Map();
  for (const [, name, text, returns] of lines) {
    const form = { types: typesOf(text), text: argumentsText(text), returns: returnsText(returns) };
    found.set(name, [...(found.get(name) ?? []), form]);
  }
  return found;
}

/** "p_name text, p_limit integer DEFAULT 3" as "text, integer", which is how comments name a function. */
function typesOf(text) {
  const types = text.split(/, (?=\w+ )/).map((one) => one.replace(/^\w+ /, "").replace(/ DEFAULT .*$/, ""));
  return types.join(", ");
}

function argumentsText(text) {
  return text.replace(/::[a-z ]+(\[\])?/g, "").replaceAll("DEFAULT", "default");
}

function returnsText(text) {
  return text === "void" ? "" : text.replace(/^TABLE/, "rows of ");
}

/** Functions in the order of a file, each with its comments: one per overload. */
function functionsIn(sql) {
  const names = new Set([...sql.matchAll(/^create (?:or replace )?function tide\.(\w+)\(/gm)].map(([, name]) => name));
  const comments = [...sql.matchAll(/^comment on function tide\.(\w+)\(([^)]*)\)\s+is\s+'((?:[^']|'')*)'/gm)];
  return [...names]
    .filter((name) => !INNER.some((pattern) => pattern.test(name)))
    .map((name) => ({
      name,
      comments: comments
        .filter((one) => one[1] === name)
        .map(([, , types, comment]) => ({ types, comment: comment.replaceAll("''", "'") })),
    }));
}

function rowsOfFunction(name, comments, signatures) {
  const forms = signatures.get(name) ?? [];
  if (forms.length === 0) throw new Error(`sql/relay/schema.golden.sql does not know tide.${name}`);
  return forms.map(({ types, text, returns }) => {
    const found = comments.find((one) => one.types === types);
    if (!found) throw new Error(`sql/relay: function tide.${name}(${types}) has no comment`);
    return [`\`${name}(${text})\``, returns, found.comment];
  });
}
