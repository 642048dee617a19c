/** Commands of the command line itself, which are no operations: they print files of this build or serve the others. */
import type { CommandEntry, ProgramName } from "./manifest.ts";

export const SHELLS = ["bash", "zsh", "fish", "powershell"];

const plain = (words: string, summary: string, more: Partial<CommandEntry> = {}): CommandEntry => ({
  words,
  summary,
  effects: "read",
  json: "envelope",
  formats: [],
  exitCodes: [],
  positionals: [],
  flags: [],
  examples: [],
  validate: "table",
  ...more,
});

const completion = (program: ProgramName): CommandEntry =>
  plain("completion", "Print a completion script for a shell", {
    description:
      "The script completes commands, flags, their values and error codes from a table inside it. It starts no program and connects nowhere.",
    positionals: [
      { field: "shell", type: "string", required: true, description: "Which shell the script is for", values: SHELLS },
    ],
    examples: [{ line: `${program} completion bash`, does: "print the script for bash" }],
  });

const help = (program: ProgramName): CommandEntry =>
  plain("help", "Show help of a command", {
    positionals: [{ field: "command", type: "list", required: false, description: "The command's words" }],
    examples: [{ line: `${program} help deploy`, does: "the same as deploy --help" }],
  });

const serve: CommandEntry = plain("serve", "Serve the operations to assistants, as MCP over stdin and stdout", {
  description:
    "One tool per operation. Tools that change anything are offered only with --allow-write; tools that can lose data also need their confirm field. Ends when stdin does.",
  flags: [
    {
      name: "allow-write",
      field: "allowWrite",
      type: "boolean",
      description: "Offer tools that change a database or write files",
      group: "safety",
    },
  ],
  examples: [{ line: "pgkeep serve", does: "tools that only read" }],
});

const pgmiServe: CommandEntry = plain("serve", "Serve pgmi's tools to assistants, as MCP over stdin and stdout", {
  description: "The reference's tools, each call on its own. Ends when stdin does.",
  examples: [{ line: "pgmi serve", does: "serve until stdin ends" }],
});

const pgmiVersion: CommandEntry = plain("version", "Show the version and the session API level");

/** Built-in commands by program. */
export const BUILTINS: Readonly<Record<ProgramName, CommandEntry[]>> = {
  pgkeep: [completion("pgkeep"), help("pgkeep"), serve],
  pgmi: [completion("pgmi"), help("pgmi"), pgmiServe, pgmiVersion],
};
