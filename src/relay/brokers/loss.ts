/** Why a connection ended: the first reason counts, and whoever waits for the end hears of it once. */
import type { ConnectorFailure } from "../failures.ts";

export class Loss {
  #reason: ConnectorFailure | undefined;
  readonly #listeners: (() => void)[] = [];

  /** Undefined while the connection lives. */
  get reason(): ConnectorFailure | undefined {
    return this.#reason;
  }

  /** What ends a connection that has ended already says nothing new. */
  lose(reason: ConnectorFailure): void {
    if (this.#reason) return;
    this.#reason = reason;
    for (const listener of this.#listeners) listener();
  }

  /** Calls back once, when the connection is lost after this. */
  onLost(listener: () => void): void {
    this.#listeners.push(listener);
  }
}
