/** Runs the commands that are no operations. */
import { PgkeepError } from "../base/errors.ts";
import type { ParsedCommand } from "./arguments.ts";
import type { Invocation } from "./invocation.ts";
import { helpText } from "./manifest.ts";

/** Returns the exit status. */
export async function runBuiltin(invocation: Invocation, { command, input }: ParsedCommand): Promise<number> {
  const { program, manifest, output } = invocation;
  const [first] = command.words.split(" ");
  switch (first) {
    case "help":
      output.result(helpOf(invocation, input.command));
      return 0;
    case "completion": {
      const { completionScript } = await import("./completion.ts");
      output.result(completionScript(String(input.shell), program, manifest));
      return 0;
    }
    default: {
      if (program === "pgmi") return await (await import("../mcp/pgmi-server.ts")).servePgmi(manifest.version);
      const { serve } = await import("../mcp/server.ts");
      return await serve({ version: manifest.version, allowWrite: input.allowWrite === true });
    }
  }
}

function helpOf({ program, manifest }: Invocation, words: unknown): string {
  const wanted = Array.isArray(words) ? words.join(" ") : "";
  const commands = manifest.commands[program].map(({ words: name }) => name);
  const known = wanted === "" || commands.some((name) => name === wanted || name.startsWith(`${wanted} `));
  const text = known ? helpText(program, wanted) : undefined;
  if (text !== undefined) return text;
  throw new PgkeepError("USAGE_UNKNOWN_COMMAND", "there is no help on that: it names no command", {
    hint: `${program} help lists the commands.`,
  });
}
