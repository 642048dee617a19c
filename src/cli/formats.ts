/**
 * Which formats one run is printed in, and where to.
 *
 * `--format` and `--json` choose stdout; each `-o FORMAT[=FILE]` adds one output, on stdout when it names no file. One
 * format at most can have stdout, and without any it is human text.
 */
import { resolve } from "node:path";
import { PgkeepError } from "../base/errors.ts";
import type { GlobalValues } from "./arguments.ts";
import { COMMON_FORMATS } from "./global-flags.ts";
import type { CommandEntry } from "./manifest.ts";

export interface OutputPlan {
  stdout: string;
  files: { format: string; path: string }[];
}

/** Throws USAGE_ARGUMENTS for a format the command does not have, and for two formats on stdout or in one file. */
export function planOutputs(command: CommandEntry, globals: GlobalValues): OutputPlan {
  const requested = globals.output.map((text) => parseOutput(text, command));
  const files = requested.flatMap(({ format, path }) => (path === undefined ? [] : [{ format, path }]));
  const onStdout = [
    ...(globals.format === undefined ? [] : [globals.format]),
    ...(globals.json && globals.format !== "json" ? ["json"] : []),
    ...requested.flatMap(({ format, path }) => (path === undefined ? [format] : [])),
  ];
  if (onStdout.length > 1)
    throw new PgkeepError("USAGE_ARGUMENTS", "stdout can have one format only", {
      hint: "Give the others a file: -o FORMAT=FILE.",
    });
  if (files.some(({ format }) => format === "ndjson"))
    throw new PgkeepError("USAGE_ARGUMENTS", "ndjson is a stream of events and goes to stdout only", {
      hint: "Write --format ndjson and redirect stdout.",
    });
  if (new Set(files.map(({ path }) => resolve(path))).size < files.length)
    throw new PgkeepError("USAGE_ARGUMENTS", "a file can have one format only", {
      hint: "Give each -o a file of its own.",
    });
  return { stdout: onStdout[0] ?? "human", files };
}

function parseOutput(text: string, command: CommandEntry): { format: string; path: string | undefined } {
  const equals = text.indexOf("=");
  const format = equals === -1 ? text : text.slice(0, equals);
  const path = equals === -1 ? undefined : text.slice(equals + 1);
  const known = [...COMMON_FORMATS, ...command.formats];
  if (!known.includes(format))
    throw new PgkeepError("USAGE_ARGUMENTS", `-o takes one of ${known.join(", ")}, then =FILE or nothing`, {
      hint: "Write -o json=result.json, or -o json for stdout.",
    });
  if (path === "") {
    throw new PgkeepError("USAGE_ARGUMENTS", "-o needs a file name after the equals sign", {
      hint: `Write -o ${format}=FILE, or -o ${format} for stdout.`,
    });
  }
  return { format, path: path === "-" ? undefined : path };
}
