/**
 * Writes the reference pages from what the build knows: error codes and exit statuses from src/base/errors.ts, commands
 * from the help texts, the JSON schemas of results from the operations. `--check` writes nothing and ends with 1 when a page is not what it would be.
 *
 *   npm run reference
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { auditPages } from "./reference-audit.mjs";
import { accessModelPage, configPage, metricsPage, pgTidePage, sessionApiPage } from "./reference-pages.mjs";
import { relayPages } from "./reference-relay.mjs";
import { NOTE, page } from "./reference-text.mjs";
import { schemaFiles } from "./schemas.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const EXIT_MEANINGS = {
  ok: "Done; nothing at or above the threshold.",
  failed: "Failed in a way that has no status of its own.",
  usage: "Unknown command or flag, or a wrong argument.",
  crash: "pgkeep itself is wrong. A report was written; nothing secret is in it.",
  config: "Configuration or input was refused before anything ran.",
  connection: "Could not connect, or TLS or authentication was refused.",
  notApproved: "A question was answered with no, or there was nobody to ask.",
  execution: "SQL failed, or a test failed.",
  scriptMissing: "The project has no `deploy.sql`.",
  locked: "Another run holds the lock.",
  timeout: "The time limit passed.",
  findings: "Findings, differences or changes at or above the threshold.",
  unknown: "The answer depends on something that could not be found out.",
  stalePlan: "The saved plan no longer fits; nothing was changed.",
  unexpectedResult: "Applied, but the result is not what was planned.",
  interrupted: "Interrupted by a signal.",
};

const AREAS = {
  USAGE: "What was typed",
  COMMAND: "Ending early",
  INTERNAL: "pgkeep itself",
  CONFIG: "Configuration",
  CONNECT: "Connecting",
  DEPLOY: "Deploying and testing",
  DB: "The embedded server",
  FILE: "Files",
  CANCELLED: "Questions",
};

const areaOf = (code) => code.split("_")[0];

/** Errors by area, each with its exit status, in the order of the source. */
function errorsPage(errors, numbers) {
  const codes = Object.keys(errors);
  const areas = [...new Set(codes.map(areaOf))];
  const sections = areas.flatMap((area) => [
    `## ${AREAS[area] ?? area.charAt(0) + area.slice(1).toLowerCase()}`,
    ...codes.filter((code) => areaOf(code) === area).flatMap((code) => errorSection(code, errors[code], numbers)),
  ]);
  const intro = [
    "# Error codes",
    NOTE,
    "Every failure ends with a `CODE` line. The code is set where the failure is found, so scripts can rely on it; it is " +
      "never reused for another meaning. `pgkeep explain CODE` prints the same text without a network.",
  ];
  return page([...intro, ...sections]);
}

function errorSection(code, { exit, retryable, explain }, numbers) {
  const number = Object.keys(numbers).find((key) => numbers[key] === code);
  const again = retryable ? "; the same command may succeed later" : "";
  const known = number ? ` Also known as ${number}.` : "";
  return [`### ${code}`, `Exit status ${exit}${again}.${known}`, explain];
}

function exitCodesPage(exits) {
  const rows = Object.entries(exits).map(([name, status]) => {
    const meaning = EXIT_MEANINGS[name];
    if (!meaning) throw new Error(`say what exit status ${status} means in scripts/reference.mjs`);
    return `| ${status} | ${meaning} |`;
  });
  return page([
    "# Exit statuses",
    NOTE,
    "One table for all commands. `--help` of a command lists those it can end with.",
    ["| status | meaning |", "|---|---|", ...rows].join("\n"),
  ]);
}

function commandsPage(commands, helpOf) {
  const sections = commands.flatMap(({ words, description, summary }) => [
    `## pgkeep ${words}`,
    description ?? `${summary}.`,
    `\`\`\`text\n${helpOf(words).trimEnd()}\n\`\`\``,
  ]);
  return page(["# Commands", NOTE, "What `--help` prints, for every command.", ...sections]);
}

/** Pairs of name and definition. */
async function operationsOf(load) {
  const { index } = await load("operations/index.js");
  return await Promise.all(Object.entries(index).map(async ([name, member]) => [name, (await member()).default]));
}

/** Path -> text of every generated page and schema, from the last build. */
export async function referencePages() {
  const dist = join(ROOT, "dist");
  const { ERROR_NUMBERS, ERRORS, EXIT } = await import(pathToFileURL(join(dist, "base/errors.js")).href);
  const manifest = JSON.parse(readFileSync(join(dist, "cli/manifest.json"), "utf8"));
  const helpOf = (words) => readFileSync(join(dist, `cli/help/pgkeep/${words.replaceAll(" ", ".")}.txt`), "utf8");
  const load = (path) => import(pathToFileURL(join(dist, path)).href);
  const shapes = { ...(await load("config/pgkeep-yaml.js")), ...(await load("config/pgmi-yaml.js")) };
  const grammar = await load("access/model/grammar.js");
  return {
    ...schemaFiles(await operationsOf(load)),
    ...(await relayPages(ROOT, load)),
    ...(await auditPages(load)),
    "docs/reference/session-api.md": sessionApiPage(await load("operations/assistant/contract.js")),
    "schemas/access.schema.json": `${JSON.stringify(grammar.modelFileSchema(), null, 2)}\n`,
    "docs/reference/access-model.md": accessModelPage(grammar),
    "docs/reference/config.md": configPage(shapes),
    "docs/reference/metrics.md": metricsPage(await load("relay/observe/metric-names.js")),
    "docs/reference/pg-tide.md": pgTidePage(
      await load("cli/pg-tide/grammar.js"),
      await load("relay/observe/error-catalogue.js"),
    ),
    "docs/reference/errors.md": errorsPage(ERRORS, ERROR_NUMBERS),
    "docs/reference/exit-codes.md": exitCodesPage(EXIT),
    "docs/reference/commands.md": commandsPage(manifest.commands.pgkeep, helpOf),
  };
}

/** Pages that are not what they would be. */
export async function stalePages() {
  return Object.entries(await referencePages()).filter(([path, text]) => {
    const file = join(ROOT, path);
    return !existsSync(file) || readFileSync(file, "utf8") !== text;
  });
}

async function main() {
  const stale = await stalePages();
  if (process.argv.includes("--check")) {
    for (const [path] of stale) console.error(`${path} is stale; run: npm run reference`);
    process.exitCode = stale.length > 0 ? 1 : 0;
    return;
  }
  for (const [path, text] of stale) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), text);
    console.log(path);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
