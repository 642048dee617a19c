/** Waiting: for as long as asked, no longer than timers count, and never past an abort. */
import { describe, expect, it } from "vitest";
import { LONGEST_TIMER_MS, sleep } from "../../../src/base/clock.ts";

describe("a wait", () => {
  it("that is longer than timers count is a long one, not none", async () => {
    const stop = new AbortController();
    const outcome = sleep(LONGEST_TIMER_MS + 1, stop.signal).then(
      () => "over",
      () => "ended",
    );
    await sleep(30);
    stop.abort();
    expect(await outcome).toBe("ended");
  });

  it("ends with the reason of whoever ends it", async () => {
    const reason = new Error("enough");
    await expect(sleep(10_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
