/**
 * The reference pages of the audit: one per check, an index, and which check answers which section of the CIS benchmark and
 * which topic of the database STIG. All of it is what the checks say about themselves.
 */
import { NOTE, page, table } from "./reference-text.mjs";

const FOLDER = "docs/reference/checks";

const PILLARS = {
  network: "Network: who can reach the server, and as whom",
  transport: "Transport: what can be read on the way",
  database: "Database: roles, privileges, functions, row level security, auditing",
  practices: "Practices: patches, settings, host, backups, secrets",
};

const SCOPES = {
  cluster: "the server, once",
  database: "every database that can be entered",
  template: "`template1`, from which databases are made",
};

/** Path -> text. `load` imports a file of the build. */
export async function auditPages(load) {
  const { checkEntries } = await load("audit/checks/catalogue.js");
  const { explainCheck } = await load("audit/explain.js");
  const { PROFILES } = await load("audit/ratings.js");
  const checks = await Promise.all(checkEntries().map(explainCheck));
  const pages = checks.map((check) => [`${FOLDER}/${fileOf(check)}`, checkPage(check, PROFILES)]);
  return {
    ...Object.fromEntries(pages),
    [`${FOLDER}/README.md`]: indexPage(checks),
    [`${FOLDER}/cis.md`]: mappingPage(CIS, mapping(checks, "cis")),
    [`${FOLDER}/stig.md`]: mappingPage(STIG, mapping(checks, "stig")),
  };
}

const fileOf = ({ check }) => `${check.toLowerCase()}.md`;

const link = (check) => `[${check.check}](${fileOf(check)})`;

function indexPage(checks) {
  const sections = Object.entries(PILLARS).flatMap(([pillar, title]) => {
    const own = checks.filter((check) => check.pillar === pillar);
    const rows = own.map((check) => [link(check), check.severity, escaped(check.title)]);
    return [`## ${title}`, own.length === 0 ? "None." : table(["check", "severity", "finds"], rows)];
  });
  return page([
    "# Checks",
    NOTE,
    `The ${checks.length} checks of \`pgkeep audit\`. Ids are stable and never used again for something else. ` +
      "`pgkeep explain ID` prints a page without a network; `pgkeep audit list` lists them.",
    "By benchmark: [CIS](cis.md), [STIG](stig.md).",
    ...sections,
  ]);
}

function checkPage(check, profiles) {
  const { title, why, remedy, limits, needs } = check;
  const grants = needs.flatMap(({ grant }) => grant);
  return page([
    `# ${check.check}: ${escaped(title)}`,
    NOTE,
    table(["property", "value"], facts(check, profiles)),
    "## Why",
    escaped(why),
    "## What to do",
    escaped(remedy),
    ...(limits === undefined ? [] : ["## What it does not report", escaped(limits)]),
    ...(needs.length === 0 ? [] : ["## What it needs", needsText(needs)]),
    ...(grants.length === 0 ? [] : [`\`\`\`sql\n${grants.map((grant) => `${grant};`).join("\n")}\n\`\`\``]),
    ...sources(check),
    "[All checks](README.md)",
  ]);
}

function facts({ severity, pillar, scope, since, until, profiles: own }, profiles) {
  const others = profiles.filter((name) => own[name] !== undefined).map((name) => `${own[name]} under \`${name}\``);
  const versions = versionText(since, until);
  return [
    ["severity", [severity, ...others].join(", ")],
    ["pillar", pillar],
    ["looks at", SCOPES[scope]],
    ...(versions === "" ? [] : [["PostgreSQL", versions]]),
  ];
}

function versionText(since, until) {
  if (since === undefined) return until === undefined ? "" : `up to ${until}`;
  return until === undefined ? `${since} and later` : `${since} to ${until}`;
}

function needsText(needs) {
  const names = needs.map(({ right, instead }) => `${right}${instead === undefined ? "" : ` (${instead})`}`);
  return escaped(`Without ${names.join(" and ")} its answer is unknown, never good.`);
}

function sources({ references: { manual = [], cis = [], stig = [], other = [] } }) {
  const lines = [
    ...manual.map((title) => `- PostgreSQL manual: ${escaped(title)}`),
    ...cis.map((number) => `- CIS PostgreSQL Benchmark ${escaped(number)}`),
    ...stig.map((topic) => `- Database STIG: ${escaped(topic)}`),
    ...other.map((text) => `- ${escaped(text)}`),
  ];
  return lines.length === 0 ? [] : ["## Others say the same", lines.join("\n")];
}

const CIS = {
  title: "Checks by section of the CIS PostgreSQL Benchmark",
  text:
    "Numbers are those of the editions for PostgreSQL 16 to 18. A section that is not listed has no check: it asks for " +
    "something that only people can answer, or that no server shows.",
  head: "section",
};

const STIG = {
  title: "Checks by topic of the database STIG",
  text: "Topics are those of the Database Security Requirements Guide, in words.",
  head: "topic",
};

/** Section -> checks, in the order of the sections. */
function mapping(checks, framework) {
  const sections = new Map();
  for (const check of checks) {
    for (const section of check.references[framework] ?? [])
      sections.set(section, [...(sections.get(section) ?? []), check]);
  }
  return [...sections].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
}

function mappingPage({ title, text, head }, sections) {
  const rows = sections.flatMap(([section, checks]) =>
    checks.map((check, index) => [
      index === 0 ? escaped(section) : "",
      link(check),
      check.severity,
      escaped(check.title),
    ]),
  );
  return page([`# ${title}`, NOTE, text, table([head, "check", "severity", "finds"], rows), "[All checks](README.md)"]);
}

/** Our own words hold names such as pg_* and "<role>", which are no markup. */
function escaped(text) {
  return text.replace(/[\\*_<>[\]]/g, "\\$&");
}
