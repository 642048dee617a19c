/**
 * One `send` on its way, for sinks whose answers arrive one by one: what became of each delivery, and how many are open.
 *
 * The first word on a delivery counts. A call has ended when every delivery is settled, never before.
 */
import { type Disposition, retryBySink } from "../message.ts";

export class Call {
  readonly ended: Promise<void>;
  readonly #dispositions: (Disposition | undefined)[];
  #open: number;
  #end: () => void = () => {};

  constructor(size: number) {
    this.#dispositions = new Array<Disposition | undefined>(size).fill(undefined);
    this.#open = size;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    if (size === 0) this.#end();
  }

  /** What was settled before stays as it is. */
  settle(index: number, disposition: Disposition): void {
    if (this.#dispositions[index] !== undefined) return;
    this.#dispositions[index] = disposition;
    this.#open -= 1;
    if (this.#open === 0) this.#end();
  }

  settleRest(disposition: Disposition): void {
    for (const index of this.#dispositions.keys()) this.settle(index, disposition);
  }

  get dispositions(): readonly Disposition[] {
    return this.#dispositions.map((disposition) => disposition ?? retryBySink("unknown", "was not sent"));
  }
}
