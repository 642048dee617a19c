/** Flags that every command takes, with one meaning everywhere. A command's own flag of the same name wins. */
import { LOG_LEVELS } from "./log-line.ts";
import type { CommandEntry, FlagSpec, ProgramName } from "./manifest.ts";

const HELP: FlagSpec = { name: "help", type: "boolean", description: "Show this help", group: "output" };

const VERBOSE: FlagSpec = {
  name: "verbose",
  short: "v",
  type: "boolean",
  description: "Say more about each step, on stderr",
  group: "output",
};

const JSON_FLAG: FlagSpec = {
  name: "json",
  type: "boolean",
  description: "Print the result as JSON, the same as --format json",
  group: "output",
};

/** Formats that every operation can be printed in. */
export const COMMON_FORMATS = ["human", "json", "ndjson"];

function formatFlags(command: CommandEntry): FlagSpec[] {
  const values = [...COMMON_FORMATS, ...command.formats];
  return [
    JSON_FLAG,
    { name: "format", type: "string", valueName: "F", values, description: "Format of stdout", group: "output" },
    {
      name: "output",
      short: "o",
      type: "list",
      valueName: "F[=FILE]",
      description: "Also write the result in format F to FILE; repeatable, - is stdout",
      group: "output",
    },
  ];
}

const TERMINAL_FLAGS: FlagSpec[] = [
  {
    name: "quiet",
    short: "q",
    type: "boolean",
    description: "Only errors and warnings on stderr",
    group: "output",
  },
  {
    name: "log-level",
    type: "string",
    values: [...LOG_LEVELS],
    valueName: "LEVEL",
    description: "What stderr tells: error, warn (as -q), info (default) or debug (as -v)",
    group: "output",
  },
  {
    name: "log-format",
    type: "string",
    values: ["text", "json"],
    valueName: "F",
    description: "Form of stderr; json is one object per line",
    group: "output",
  },
  {
    name: "color",
    type: "string",
    values: ["auto", "always", "never"],
    valueName: "WHEN",
    description: "Colour: auto (default), always or never",
    group: "output",
  },
  { name: "ascii", type: "boolean", description: "Only ASCII signs in human output", group: "output" },
  {
    name: "width",
    type: "integer",
    minimum: 20,
    maximum: 10_000,
    valueName: "N",
    description: "Columns of human output",
    group: "output",
  },
  { name: "no-input", type: "boolean", description: "Never ask a question", group: "safety" },
];

const TIMEOUT: FlagSpec = {
  name: "timeout",
  type: "string",
  duration: true,
  valueName: "DUR",
  description: "End the whole command after this long (1m30s); 0 is never",
  group: "safety",
};

const FIELDS: FlagSpec = {
  name: "fields",
  type: "string",
  valueName: "A,B",
  description: "Columns to show, in order",
  group: "output",
};

/** All flags of one command, its own first. */
export function flagsOf(command: CommandEntry, program: ProgramName): FlagSpec[] {
  const own = new Set(command.flags.map(({ name }) => name));
  const shorts = new Set(command.flags.map(({ short }) => short));
  const added = globalFlags(command, program).filter(({ name }) => !own.has(name));
  return [
    ...command.flags,
    ...added.map(({ short, ...flag }) => (short === undefined || shorts.has(short) ? flag : { ...flag, short })),
  ];
}

function globalFlags(command: CommandEntry, program: ProgramName): FlagSpec[] {
  if (program === "pgmi") return command.json === "bare" ? [JSON_FLAG, VERBOSE, HELP] : [VERBOSE, HELP];
  if (command.operation === undefined) return [HELP];
  return [
    ...formatFlags(command),
    ...(command.list ? [FIELDS] : []),
    VERBOSE,
    ...TERMINAL_FLAGS,
    ...(command.ownTimeout ? [] : [TIMEOUT]),
    HELP,
  ];
}

/** Flags that may stand before the command's name. */
export const LEADING_FLAGS: FlagSpec[] = [
  HELP,
  VERBOSE,
  JSON_FLAG,
  ...TERMINAL_FLAGS,
  { name: "version", type: "boolean", description: "Show the version", group: "output" },
];
