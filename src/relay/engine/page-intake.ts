/** Turns rows of a page into deliveries that wait in their lanes, each with a slot of the position. */
import type { ArrayRow } from "../../pg/session.ts";
import type { Delivery, Message } from "../message.ts";
import type { Shape } from "../pipeline/shaping.ts";
import type { DueDeadLetter } from "../store/dead-letters.ts";
import { messageOfRow } from "../store/outbox-messages.ts";
import type { Item, Lanes } from "./lanes.ts";
import type { MemoryBudget } from "./memory.ts";
import type { Position } from "./position.ts";
import type { Verdict } from "./schema-watch.ts";

export interface PageIntakeOptions {
  outbox: string;
  shape: Shape;
  lanes: Lanes;
  position: Position;
  memory: MemoryBudget;
}

export interface Taken {
  /** Rows taken; fewer than given: the next one has to be asked about first. */
  messages: number;
  /** Filtered out: nothing to deliver. */
  dropped: number;
}

export class PageIntake {
  readonly #options: PageIntakeOptions;
  #lastId: bigint;
  #heldBytes = 0;

  constructor(options: PageIntakeOptions) {
    this.#options = options;
    this.#lastId = options.position.position;
  }

  /** The newest id taken. */
  get lastId(): bigint {
    return this.#lastId;
  }

  /** Bytes of messages that are not settled. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** `judge`: looks at each event before it is taken. */
  take(rows: readonly ArrayRow[], judge?: (delivery: Delivery) => Verdict): Taken {
    let dropped = 0;
    for (const [taken, row] of rows.entries()) {
      const message = messageOfRow(this.#options.outbox, row);
      const items = judged(this.#shape(message), judge);
      if (items === "ask") return { messages: taken, dropped };
      const slot = this.#options.position.add(message.id, items.length);
      this.#lastId = message.id;
      if (items.length === 0) dropped += 1;
      for (let index = 0; index < items.length; index++) {
        const shaped = items[index];
        if (shaped !== undefined)
          this.#add(shaped, { origin: message, slot, deadLetter: undefined, cost: index === 0 ? sizeOf(message) : 0 });
      }
    }
    return { messages: rows.length, dropped };
  }

  /** A dead letter that is tried again. False: it is filtered out now, so there is nothing to deliver. */
  takeDeadLetter({ id, message }: DueDeadLetter): boolean {
    const [first] = this.#shape(message);
    if (first === undefined) return false;
    this.#add(first, { origin: message, slot: undefined, deadLetter: id, cost: sizeOf(message) });
    return true;
  }

  /** The item is settled. */
  leave(item: Item): void {
    this.#heldBytes -= item.cost;
    this.#options.memory.free(item.cost);
  }

  /** The worker ends with items unsettled. */
  leaveAll(): void {
    this.#options.memory.free(this.#heldBytes);
    this.#heldBytes = 0;
  }

  #add({ delivery, refusal }: Piece, of: Pick<Item, "origin" | "slot" | "deadLetter" | "cost">): void {
    const maxBatch = refusal === undefined ? Number.POSITIVE_INFINITY : 1;
    this.#heldBytes += of.cost;
    this.#options.memory.add(of.cost);
    this.#options.lanes.add({ delivery, refusal, attempts: 0, tries: 0, maxBatch, ...of });
  }

  #shape(message: Message): Piece[] {
    const shaped = this.#options.shape(message);
    if (shaped.kind === "dropped") return [];
    if (shaped.kind === "deliveries") return shaped.deliveries.map((delivery) => ({ delivery, refusal: undefined }));
    return [{ delivery: unshaped(message), refusal: { kind: shaped.deadLetter, reason: shaped.reason } }];
  }
}

interface Piece {
  delivery: Delivery;
  refusal: Item["refusal"];
}

/** The first delivery speaks for all of its message. */
function judged(pieces: Piece[], judge: ((delivery: Delivery) => Verdict) | undefined): Piece[] | "ask" {
  const [first] = pieces;
  if (judge === undefined || first === undefined || first.refusal !== undefined) return pieces;
  const verdict = judge(first.delivery);
  if (verdict === "pass") return pieces;
  return verdict === "ask" ? "ask" : [{ delivery: unshaped(first.delivery.message), refusal: verdict }];
}

/** What stands for a message that no delivery could be made of. It is never sent. */
function unshaped(message: Message): Delivery {
  return {
    message,
    subject: undefined,
    orderKey: "",
    key: message.dedupKey,
    body: null,
    contentType: "application/json",
    headers: {},
    bytes: 0,
  };
}

/** About: characters for bytes, which is right for JSON in ASCII and cheap for all. */
function sizeOf(message: Message): number {
  return message.payload.length + message.headers.length;
}
