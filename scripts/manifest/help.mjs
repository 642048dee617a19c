/** Help texts, at most 100 columns wide: purpose, examples, flags by group, exit codes of this command. */

const WIDTH = 100;

const GROUP_TITLES = { connection: "Connection", what: "What", output: "Output", safety: "Safety" };

const EXIT_TEXTS = {
  0: "done",
  1: "failed for another reason",
  2: "wrong command, flag or argument",
  3: "a bug in this program",
  10: "configuration or input refused before anything ran",
  11: "could not connect, or was not let in",
  12: "not approved",
  13: "SQL or a test failed",
  14: "deploy.sql is missing",
  15: "another run holds the lock",
  16: "the timeout passed",
  20: "findings or differences",
  21: "the answer depends on something unknown",
  22: "the saved plan is stale",
  23: "applied, but the result is not what was planned",
  130: "interrupted",
};

/** Pairs of path and text: one per command, per first word of two-word commands, and per program. */
export function helpFiles(manifest, flagsOf) {
  return Object.entries(manifest.commands).flatMap(([program, commands]) => [
    ...commands.map((command) => [
      `${program}/${command.words.replaceAll(" ", ".")}.txt`,
      commandHelp(command, program, flagsOf),
    ]),
    ...groupsOf(commands).map((group) => [`${program}/${group}.txt`, groupHelp(group, commands, program)]),
    [`${program}/index.txt`, programHelp(commands, program)],
    ...(program === "pgkeep" ? [["pgkeep/start.txt", startText(commands)]] : []),
  ]);
}

export function wrap(text, indent, width = WIDTH) {
  const lines = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}

function commandHelp(command, program, flagsOf) {
  const flags = flagsOf(command, program).filter(({ hidden }) => !hidden);
  const sections = [
    [command.summary, ...(command.description ? ["", ...wrap(command.description, "")] : [])],
    usageLines(command, program, flags),
  ];
  if (command.examples.length > 0) sections.push(["Examples", ...command.examples.flatMap(exampleLines)]);
  if (command.positionals.length > 0)
    sections.push([
      "Arguments",
      ...columns(
        command.positionals.map(({ field, description, values }) => [
          argumentName(field),
          withValues(description, values),
        ]),
      ),
    ]);
  const width = Math.max(...flags.map((flag) => flagLabel(flag).length));
  for (const [group, title] of Object.entries(GROUP_TITLES)) {
    const rows = flags.filter((flag) => flag.group === group).map((flag) => [flagLabel(flag), flagText(flag)]);
    if (rows.length > 0) sections.push([title, ...columns(rows, width)]);
  }
  sections.push([
    "Exit status",
    ...columns(
      [0, 1, 2, 3, ...command.exitCodes]
        .sort((a, b) => a - b)
        .filter((code, index, all) => all.indexOf(code) === index)
        .map((code) => [String(code), EXIT_TEXTS[code] ?? "see docs/reference/exit-codes.md"]),
    ),
  ]);
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

const argumentName = (field) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const argumentText = ({ field, required, type }) => {
  const name = `<${argumentName(field)}>${type === "list" ? "..." : ""}`;
  return required ? name : `[${name}]`;
};

function usageLines({ words, positionals }, program, flags) {
  const parts = [program, words, ...positionals.map(argumentText), ...(flags.length > 1 ? ["[flags]"] : [])];
  return ["Usage", `  ${parts.join(" ")}`];
}

function exampleLines({ line, does }) {
  return [...wrap(`# ${does}`, "  "), `  ${line}`];
}

export function flagLabel({ name, short, type, valueName, values }) {
  const value =
    type === "boolean" ? "" : ` ${valueName ?? (values ? name.toUpperCase() : type === "integer" ? "N" : "TEXT")}`;
  return `${short ? `-${short}, ` : "    "}--${name}${value}`;
}

const withValues = (text, values) =>
  values && !values.every((value) => text.includes(value)) ? `${text}: ${values.join(", ")}` : text;

export function flagText({ description, values, default: fallback }) {
  const shown =
    Array.isArray(fallback) || fallback === false || fallback === undefined || /default/.test(description)
      ? ""
      : ` (default ${fallback})`;
  return `${withValues(description, values)}${shown}`;
}

/** Two columns; a label longer than the column has its text below. */
function columns(rows, width = Math.max(...rows.map(([label]) => label.length))) {
  const column = Math.min(width, 34);
  const indent = " ".repeat(column + 4);
  return rows.flatMap(([label, text]) => {
    const [first, ...others] = wrap(text, indent);
    const head = `  ${label.padEnd(column)}  `;
    if (head.length > indent.length) return [head.trimEnd(), first, ...others];
    return [`${head}${first.trimStart()}`, ...others];
  });
}

const groupsOf = (commands) => {
  const singles = new Set(commands.map(({ words }) => words));
  return [
    ...new Set(commands.filter(({ words }) => words.includes(" ")).map(({ words }) => words.split(" ")[0])),
  ].filter((group) => !singles.has(group));
};

function groupHelp(group, commands, program) {
  const rows = commands
    .filter(({ words }) => words.startsWith(`${group} `))
    .map(({ words, summary }) => [`${program} ${words}`, summary]);
  return `${["Commands", ...columns(rows), "", `${program} ${rows[0][0].split(" ").slice(1).join(" ")} --help shows the flags of one.`].join("\n")}\n`;
}

const PURPOSE = {
  pgkeep: "Deploy SQL projects to PostgreSQL, all or nothing, with their tests as the gate",
  pgmi: "Runs SQL projects against PostgreSQL: the session interface of pgmi, provided by pgkeep",
};

function programHelp(commands, program) {
  const rows = commands.map(({ words, summary }) => [words, summary]);
  return `${[
    PURPOSE[program],
    "",
    "Usage",
    `  ${program} <command> [arguments] [flags]`,
    "",
    "Commands",
    ...columns(rows),
    "",
    `${program} <command> --help shows its flags and examples. -h is the host, as in psql.`,
    ...(program === "pgkeep"
      ? [
          "pgkeep pgmi <command> accepts the grammar of pgmi, pgkeep pg-tide that of pg_tide.",
          "pgkeep --version shows the version.",
        ]
      : [`${program} --version shows the version.`]),
  ].join("\n")}\n`;
}

/** What the program prints alone: what it is, the first commands, where to read on. */
function startText(commands) {
  const names = new Set(commands.map(({ words }) => words));
  const first = [
    ["init", "pgkeep init ./shop", "a new project to look around in"],
    ["db start", "pgkeep db start", "a PostgreSQL of its own, when none is at hand"],
    ["plan", "pgkeep plan ./shop", "what a deploy would load, in which order"],
    ["deploy", "pgkeep deploy ./shop -d shop", "run it: all or nothing, tests first"],
    ["test", "pgkeep test ./shop -d shop", "only the tests; nothing is kept"],
    ["doctor", "pgkeep doctor", "is this machine ready, and the connection"],
  ]
    .filter(([name]) => names.has(name))
    .slice(0, 4);
  return `${[
    "pgkeep: your SQL project, in your PostgreSQL, safely.",
    "",
    "A project is a directory of SQL files and one deploy.sql that says what runs.",
    "pgkeep loads the files into a session, runs deploy.sql, and commits only what",
    "its tests let through. Secrets stay out of logs, errors and the process list.",
    "",
    "Start here",
    ...first.map(([, line, does]) => `  ${line.padEnd(30)}  ${does}`),
    "",
    "A command tells you more when asked",
    "  pgkeep help                     every command; --help after one shows its flags",
    "  pgkeep access                   who may do what: as one file says, and proved",
    "  pgkeep relay                    events of your transactions, to webhooks and brokers",
    "  pgkeep explain DEPLOY_LOCKED    what an error code means",
    "",
    "What was made for pgmi and pg_tide runs as it is: pgkeep pgmi, pgkeep pg-tide.",
    "Documentation is in docs/index.md of the package.",
  ].join("\n")}\n`;
}
