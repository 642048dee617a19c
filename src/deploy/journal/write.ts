/**
 * Writes the record of one run: a line before it changes anything, a line when it has ended.
 *
 *   nothing -> started -> ended
 *
 * A record that stays at "started" is a run that was killed, and that is its use: whoever asks later learns that nobody
 * can say how it ended. Lines are only ever added, to a file that nobody else writes. What is in them is counts, places,
 * identities, checksums and times: no parameter's key or value, no SQL, no message of the server.
 *
 * Nothing here may cost a deploy its success: failures are told to `warn`, once, and the run goes on.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { scrub, scrubDeep } from "../../base/secrets.ts";
import { tameLine } from "../../base/tame.ts";
import { makeStateDirectory, runId } from "../../config/state-directory.ts";
import { identifySelf } from "../../pg/embedded/process-identity.ts";
import { fileOfRun, idOfFile, runsDirectory } from "./place.ts";
import type { EndedLine, StartedLine } from "./record.ts";

/** 500 runs: at one deploy an hour, three weeks. */
export const MAX_RUNS = 500;

export interface JournalOptions {
  environment: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  warn: (message: string) => void;
}

export interface OpenRecord {
  /** Adds the last line. Never throws. */
  end(line: Omit<EndedLine, "record" | "at">): void;
}

type RunFacts = Omit<StartedLine, "record" | "format" | "id" | "at" | "account" | "machine" | "pid" | "process">;

/** Begins the record of a run; undefined when there is no place for it or it cannot be written. Never throws. */
export function beginRecord(facts: RunFacts, options: JournalOptions): OpenRecord | undefined {
  const { environment, clock, warn } = options;
  const directory = runsDirectory(environment);
  if (directory === undefined) return undefined;
  try {
    makeStateDirectory(directory);
    const now = clock.now();
    const id = runId(now, randomBytes(3).toString("hex"));
    const file = openSync(fileOfRun(directory, id), NEW_FILE, 0o600);
    const started: StartedLine = {
      record: "started",
      format: 1,
      id,
      at: now.toISOString(),
      account: accountName(),
      machine: hostname(),
      pid: process.pid,
      process: identifySelf()?.started ?? null,
      ...facts,
    };
    append(file, started);
    return {
      end: (line) =>
        endRecord({ file, directory, line: { record: "ended", at: clock.now().toISOString(), ...line }, warn }),
    };
  } catch (error) {
    warn(failureText(error));
    return undefined;
  }
}

/** Made by us, never through a link, only ever added to. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND | constants.O_NOFOLLOW;

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run with a number that has no name.
    return String(process.getuid?.() ?? "");
  }
}

/** One line in one call, so that a reader sees all of it or nothing. */
function append(file: number, line: StartedLine | EndedLine): void {
  writeSync(file, `${safeText(line)}\n`);
}

/**
 * The line without secrets. Looking through the whole text once tells whether there is any, in a tenth of the time of looking
 * through a thousand strings; the scrubber knows how JSON writes a secret.
 */
function safeText(line: StartedLine | EndedLine): string {
  const text = JSON.stringify(line);
  return scrub(text) === text ? text : JSON.stringify(scrubDeep(line));
}

interface Ending {
  file: number;
  directory: string;
  line: EndedLine;
  warn: (message: string) => void;
}

function endRecord({ file, directory, line, warn }: Ending): void {
  try {
    append(file, line);
    closeSync(file);
    removeOldest(directory);
  } catch (error) {
    warn(failureText(error));
  }
}

/** Two runs that end at once may both remove the same file; that is not a failure. */
function removeOldest(directory: string): void {
  const ids = readdirSync(directory).flatMap((name) => idOfFile(name) ?? []);
  if (ids.length <= MAX_RUNS) return;
  for (const id of ids.sort().slice(0, ids.length - MAX_RUNS)) rmSync(fileOfRun(directory, id), { force: true });
}

const failureText = (error: unknown): string =>
  `the run could not be recorded: ${tameLine(messageOf(error))}. Set XDG_STATE_HOME to a directory of your own, or use --no-record.`;
