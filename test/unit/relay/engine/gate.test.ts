/** The circuit breaker and the pauses after failures of a sink, with a clock that stands still. */
import { describe, expect, it } from "vitest";
import { Gate } from "../../../../src/relay/engine/gate.ts";

function gateAt(changes: { enabled?: boolean; failureThreshold?: number; successThreshold?: number } = {}) {
  const clock = { ms: 1_000 };
  const gate = new Gate({
    breaker: { enabled: true, failureThreshold: 3, successThreshold: 2, halfOpenTimeoutMs: 10_000, ...changes },
    backoff: { firstMs: 100, maxMs: 5_000 },
    random: () => 0.5,
    monotonicMs: () => clock.ms,
  });
  return { gate, clock };
}

const transient = { isTransient: true };
const refused = { isTransient: false };

describe("a gate", () => {
  it("lets everything through while the sink works", () => {
    const { gate } = gateAt();
    expect(gate.succeeded(1_000)).toBe(false);
    expect(gate.allowed()).toBe(Number.POSITIVE_INFINITY);
  });

  it("pauses after a failure, then lets one send try, then everything", () => {
    const { gate, clock } = gateAt();
    gate.failed(1_000, transient);
    expect(gate.allowed()).toBe(0);
    expect(gate.waitMs()).toBe(50);
    clock.ms += 50;
    expect(gate.allowed()).toBe(1);
    expect(gate.succeeded(clock.ms)).toBe(true);
    expect(gate.state).toBe("closed");
  });

  it("waits twice as long each time", () => {
    const { gate, clock } = gateAt({ enabled: false });
    for (const waitMs of [50, 100, 200, 400]) {
      gate.failed(clock.ms, transient);
      expect(gate.waitMs()).toBe(waitMs);
      clock.ms += waitMs;
    }
  });

  it("waits as long as the sink asks for", () => {
    const { gate } = gateAt();
    gate.failed(1_000, { isTransient: true, retryAfterMs: 3_000 });
    expect(gate.waitMs()).toBe(3_000);
  });

  it("counts sends that were on their way together once", () => {
    const { gate, clock } = gateAt();
    clock.ms = 1_020;
    gate.failed(1_000, transient);
    clock.ms = 1_030;
    for (let lane = 0; lane < 16; lane++) gate.failed(1_010, transient);
    expect(gate.failures).toBe(1);
    expect(gate.state).toBe("pausing");
  });

  it("is not opened by the answer to a send from before the failure", () => {
    const { gate, clock } = gateAt();
    clock.ms = 1_020;
    gate.failed(1_000, transient);
    expect(gate.succeeded(1_010)).toBe(false);
    expect(gate.allowed()).toBe(0);
  });

  it("opens after the threshold, tries one send after the timeout, closes after enough successes", () => {
    const { gate, clock } = gateAt();
    for (let failure = 0; failure < 3; failure++) {
      clock.ms += 1_000;
      gate.failed(clock.ms, transient);
    }
    expect(gate.state).toBe("open");
    clock.ms += 9_999;
    expect(gate.allowed()).toBe(0);
    clock.ms += 1;
    expect(gate.allowed()).toBe(1);
    expect(gate.state).toBe("half_open");
    expect(gate.succeeded(clock.ms)).toBe(false);
    expect(gate.succeeded(clock.ms)).toBe(true);
    expect(gate.allowed()).toBe(Number.POSITIVE_INFINITY);
  });

  it("opens again at the first failure while it is half open", () => {
    const { gate, clock } = gateAt({ failureThreshold: 1 });
    gate.failed(clock.ms, transient);
    clock.ms += 10_000;
    gate.allowed();
    gate.failed(clock.ms, transient);
    expect(gate.state).toBe("open");
    expect(gate.waitMs()).toBe(10_000);
  });

  it("waits longest at once when trying again cannot help and it has never worked", () => {
    const { gate } = gateAt();
    gate.failed(1_000, refused);
    expect(gate.waitMs()).toBe(5_000);
  });

  it("waits a moment, then four times as long each time, when a sink that has worked refuses", () => {
    const { gate, clock } = gateAt({ enabled: false });
    gate.succeeded(clock.ms);
    for (let times = 0; times < 9; times++) gate.failed(clock.ms, transient);
    for (const waitMs of [750, 3_000, 3_750, 3_750]) {
      gate.failed(clock.ms, refused);
      expect(gate.waitMs()).toBe(waitMs);
      clock.ms += waitMs;
    }
    gate.succeeded(clock.ms);
    gate.failed(clock.ms, refused);
    expect(gate.waitMs()).toBe(750);
  });

  it("waits as long as a sink that refuses asks for", () => {
    const { gate } = gateAt();
    gate.succeeded(1_000);
    gate.failed(1_000, { isTransient: false, retryAfterMs: 4_500 });
    expect(gate.waitMs()).toBe(4_500);
  });
});
