/**
 * Who may say yes to dropping a database: a person who types its name, or `--force`.
 *
 * Without a terminal nobody can be asked, so silence is a refusal; with a terminal `--force` still leaves five seconds
 * to think. A piped answer is never read.
 */
import { sleep } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";

/** announce: say it and go on. countdown: say it, wait, go on. ask: the typed name decides. refuse: no. */
type ApprovalStep = "announce" | "countdown" | "ask" | "refuse";

/** 5 s, enough to read one line and reach for Ctrl-C. */
const COUNTDOWN_SECONDS = 5;

export function approvalStep({ force, terminal }: { force: boolean; terminal: boolean }): ApprovalStep {
  if (force) return terminal ? "countdown" : "announce";
  return terminal ? "ask" : "refuse";
}

interface ApprovalRequest {
  database: string;
  force: boolean;
  /** Default: `sleep`. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  context: Pick<OperationContext, "prompt" | "report" | "signal" | "environment">;
}

/**
 * Returns when dropping `database` is approved.
 *
 * Reports `database.overwrite_forced` (fields database, countdown_seconds, banner) or `database.overwrite_warning`
 * before the question. Throws DEPLOY_OVERWRITE_UNAPPROVED, or the signal's reason.
 */
export async function approveOverwrite({ database, force, context, wait = sleep }: ApprovalRequest): Promise<void> {
  const { prompt, report, signal, environment } = context;
  const step = approvalStep({ force, terminal: prompt !== undefined });
  if (step === "refuse" || (step === "ask" && !prompt))
    throw unapproved(database, "There is no terminal to ask at, and a piped answer is not read.");
  if (step === "ask" && prompt) {
    report({ type: "database.overwrite_warning", database });
    const typed = await answerOrAbort(prompt.text(`Type the name of the database to drop it (${database})`), signal);
    if (typed !== database) throw unapproved(database, "The name was not typed exactly.");
    return;
  }
  const seconds = step === "countdown" ? COUNTDOWN_SECONDS : 0;
  const banner = seconds > 0 && !environment.PGMI_NO_BANNER;
  report({ type: "database.overwrite_forced", database, countdown_seconds: seconds, banner });
  for (let left = seconds; left > 0; left--) {
    report({ type: "database.overwrite_countdown", database, seconds_left: left });
    await wait(1000, signal);
  }
  signal.throwIfAborted();
}

/** The answer; a person who went away must not hold up --timeout. */
async function answerOrAbort<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function unapproved(database: string, detail: string): PgkeepError {
  return new PgkeepError("DEPLOY_OVERWRITE_UNAPPROVED", `dropping database "${database}" was not approved`, {
    detail,
    hint: "Without a terminal --force approves it: --overwrite --force",
    state: "nothing was dropped",
  });
}
