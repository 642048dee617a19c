/**
 * What remains of a crash: a file for the person who will send it to us.
 *
 * It holds the version, the command's name, the platform and the stack frames. It never holds arguments, environment or
 * the text of a foreign exception, because any of them can carry a secret that nobody registered.
 */
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BrokenAssumption } from "../base/assert.ts";
import { errorCodeOf, PgkeepError } from "../base/errors.ts";
import { writeOutputFile } from "../config/output-file.ts";

interface Ran {
  command: string;
  /** Of pgkeep. */
  version: string;
}

/** The failure to show for an exception that is our bug; its detail names the report, when one could be written. */
export function crashOf(error: unknown, ran: Ran): PgkeepError {
  const path = join(tmpdir(), `pgkeep-crash-${randomBytes(6).toString("hex")}.txt`);
  try {
    writeOutputFile(path, reportText(error, ran));
  } catch {
    return bug("No report could be written to the directory for temporary files.");
  }
  return bug(`The report is in ${path}. It holds no arguments and no environment.`);
}

function bug(detail: string): PgkeepError {
  return new PgkeepError("INTERNAL_BUG", "internal error, this is a bug", {
    detail,
    state: "unknown; the command did not finish",
    hint: "Send the report to the address in SECURITY.md, or open an issue with it.",
  });
}

function reportText(error: unknown, { command, version }: Ran): string {
  return [
    `pgkeep ${version}`,
    `command: ${command}`,
    `platform: ${process.platform} ${process.arch}, Node.js ${process.version}`,
    ...errorLines(error),
    "",
  ].join("\n");
}

function errorLines(error: unknown, depth = 0): string[] {
  if (!(error instanceof Error)) return [`thrown: ${typeof error}`];
  const claim = error instanceof BrokenAssumption ? `: ${error.message}` : "";
  const code = errorCodeOf(error);
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const cause = error.cause !== undefined && depth < 5 ? ["caused by:", ...errorLines(error.cause, depth + 1)] : [];
  return [`${error.name}${code === undefined ? "" : ` (${code})`}${claim}`, ...frames, ...cause];
}
