/** Reports a failure that happened before or around an operation: usage errors, and bugs of our own. */

import { systemClock } from "../base/clock.ts";
import { PgkeepError } from "../base/errors.ts";
import { wantsJson } from "./arguments.ts";
import { crashOf } from "./crash.ts";
import { bareFailure, envelope } from "./documents.ts";
import { errorText } from "./error-text.ts";
import type { Invocation } from "./invocation.ts";
import type { CommandEntry } from "./manifest.ts";

/** Says what went wrong on stderr, and on stdout as JSON where that was asked for. Returns the exit status. */
export function reportFailure(thrown: unknown, invocation: Invocation): number {
  const command = commandOf(invocation);
  const { version } = invocation.manifest;
  const name = command?.words ?? "";
  const error = thrown instanceof PgkeepError ? thrown : crashOf(thrown, { command: name, version });
  invocation.output.say(errorText(error, invocation.program));
  // The reference prints usage errors as text only.
  if (invocation.program === "pgmi" || !wantsJson(invocation.words)) return error.exit;
  const ending = { command: name, exitCode: error.exit, observedAt: systemClock.now(), version, target: undefined };
  const document =
    command?.json === "bare" ? bareFailure(error, error.exit) : envelope({ ...ending, warnings: [], error });
  try {
    invocation.output.json(document, 2);
  } catch {
    // stdout is full or gone; the error above is already the answer.
  }
  return error.exit;
}

/** The command that the first words name, read without judging the rest. */
function commandOf({ words, manifest, program }: Invocation): CommandEntry | undefined {
  const plain = words.filter((word) => !word.startsWith("-"));
  const commands = manifest.commands[program];
  return (
    commands.find((command) => command.words === plain.slice(0, 2).join(" ")) ??
    commands.find((command) => command.words === plain[0])
  );
}
