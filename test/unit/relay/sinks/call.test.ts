/** One `send` whose answers arrive one by one. */
import { describe, expect, it } from "vitest";
import { DELIVERED, rejectMessage, retryBySink } from "../../../../src/relay/message.ts";
import { Call } from "../../../../src/relay/sinks/call.ts";

async function hasEnded({ ended }: Call): Promise<boolean> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return isOver;
}

const REFUSED = rejectMessage("protocol_rejection", "no");
const AWAY = retryBySink("unavailable", "away");

describe("a call", () => {
  it("ends when the last delivery is settled, in whatever order", async () => {
    const call = new Call(2);
    call.settle(1, REFUSED);
    expect(await hasEnded(call)).toBe(false);
    call.settle(0, DELIVERED);
    expect(await hasEnded(call)).toBe(true);
    expect(call.dispositions).toEqual([DELIVERED, REFUSED]);
  });

  it("without deliveries has ended", async () => {
    expect(await hasEnded(new Call(0))).toBe(true);
  });

  it("keeps the first word on a delivery, and a second one settles nothing else", async () => {
    const call = new Call(2);
    call.settle(0, DELIVERED);
    call.settle(0, REFUSED);
    expect(await hasEnded(call)).toBe(false);
    expect(call.dispositions[0]).toEqual(DELIVERED);
  });

  it("settles the rest at once, and leaves alone what was settled", async () => {
    const call = new Call(3);
    call.settle(1, DELIVERED);
    call.settleRest(AWAY);
    expect(await hasEnded(call)).toBe(true);
    expect(call.dispositions).toEqual([AWAY, DELIVERED, AWAY]);
  });

  it("says of what is still open that it was not sent", () => {
    expect(new Call(1).dispositions).toEqual([retryBySink("unknown", "was not sent")]);
  });
});
