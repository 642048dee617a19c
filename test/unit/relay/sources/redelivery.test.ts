/** A batch is handed over until it is stored, and let go only by the signal. */
import { describe, expect, it, vi } from "vitest";
import { deliverUntilStored } from "../../../../src/relay/sources/redelivery.ts";
import type { Incoming } from "../../../../src/relay/sources/source.ts";

const BATCH: readonly Incoming[] = [{ body: Buffer.from("{}"), eventId: "1", subject: "s", headers: {} }];

describe("a batch that cannot be stored", () => {
  it("is handed over again, the same one, with longer and longer waits, until it is", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const seen: (readonly Incoming[])[] = [];
      const deliver = async (batch: readonly Incoming[]) => {
        seen.push(batch);
        if (seen.length < 8) throw new Error("the database is away");
        return [];
      };
      let isStored = false;
      const storing = deliverUntilStored(deliver, BATCH, new AbortController().signal, waitFake).then(() => {
        isStored = true;
      });
      await vi.advanceTimersByTimeAsync(200 + 400 + 800 + 1_600 + 3_200 + 5_000 + 4_999);
      expect(seen).toHaveLength(7);
      expect(isStored).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await storing;
      expect(seen).toEqual(Array(8).fill(BATCH));
    } finally {
      vi.useRealTimers();
    }
  });

  it("is given up at once when the signal says so, and not begun after it", async () => {
    const abort = new AbortController();
    let calls = 0;
    const deliver = () => {
      calls += 1;
      return Promise.reject(new Error("no"));
    };
    const storing = deliverUntilStored(deliver, BATCH, abort.signal);
    setTimeout(() => abort.abort(), 20);
    await expect(storing).rejects.toThrow();
    expect(calls).toBe(1);
    await expect(deliverUntilStored(deliver, BATCH, abort.signal)).rejects.toThrow();
    expect(calls).toBe(1);
  });
});

function waitFake(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
