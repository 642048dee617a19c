/**
 * What can end a run from outside: a signal from the system, or the command's own timeout.
 *
 * The first SIGINT or SIGTERM asks the operation to stop, so that it can cancel its statement and say what state things
 * are in; the second one ends the process at once. The reason of the abort signal is the failure to report.
 */
import { LONGEST_TIMER_MS } from "../base/clock.ts";
import { EXIT, PgkeepError } from "../base/errors.ts";

export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #onSignal = (): void => {
    if (this.#controller.signal.aborted) process.exit(EXIT.interrupted);
    this.#controller.abort(
      new PgkeepError("COMMAND_INTERRUPTED", "interrupted", { state: "the command did not finish" }),
    );
  };

  /** `timeoutMs` 0 or less, or longer than timers count (24 days): no timeout. */
  constructor(timeoutMs: number) {
    process.on("SIGINT", this.#onSignal);
    process.on("SIGTERM", this.#onSignal);
    if (timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS) this.#timer = setTimeout(() => this.#expire(), timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Stops listening. */
  end(): void {
    clearTimeout(this.#timer);
    process.off("SIGINT", this.#onSignal);
    process.off("SIGTERM", this.#onSignal);
  }

  #expire(): void {
    this.#controller.abort(
      new PgkeepError("COMMAND_TIMEOUT", "the command's timeout passed", { state: "the command did not finish" }),
    );
  }
}
