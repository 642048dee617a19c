/** Signals and time: the first one asks, the second one ends, and nothing is listened to afterwards. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { Deadline } from "../../../src/cli/deadline.ts";

afterEach(() => vi.restoreAllMocks());

describe("a deadline", () => {
  it.each(["SIGINT", "SIGTERM"] as const)(
    "asks at the first %s and ends the process with 130 at the second",
    (signal) => {
      const exit = vi.spyOn(process, "exit").mockImplementation((() => undefined) as () => never);
      const deadline = new Deadline(0);
      process.emit(signal);
      expect(deadline.signal.reason).toMatchObject({ code: "COMMAND_INTERRUPTED", exit: 130 });
      expect(exit).not.toHaveBeenCalled();
      process.emit(signal);
      expect(exit).toHaveBeenCalledWith(130);
      deadline.end();
    },
  );

  it("passes after its time, and not once it has ended", async () => {
    const passing = new Deadline(10);
    await new Promise((resolve) => passing.signal.addEventListener("abort", resolve));
    expect(passing.signal.reason).toMatchObject({ code: "COMMAND_TIMEOUT", exit: 16 });
    passing.end();
    const ended = new Deadline(10);
    ended.end();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(ended.signal.aborted).toBe(false);
  });

  it("is none when it is longer than timers count, instead of passing at once", async () => {
    const deadline = new Deadline(600 * 3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(deadline.signal.aborted).toBe(false);
    deadline.end();
  });

  it("leaves no listener behind", () => {
    const before = process.listenerCount("SIGINT") + process.listenerCount("SIGTERM");
    new Deadline(0).end();
    expect(process.listenerCount("SIGINT") + process.listenerCount("SIGTERM")).toBe(before);
  });
});
