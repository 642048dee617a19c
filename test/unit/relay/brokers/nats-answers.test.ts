/** What a stream's answer means for the message it is about. */
import { describe, expect, it } from "vitest";
import { dispositionOf } from "../../../../src/relay/brokers/nats-answers.ts";

const answer = (value: unknown) => Buffer.from(JSON.stringify(value));
const refusal = (number: number, code = 400) =>
  answer({ error: { code, err_code: number, description: "maximum bytes exceeded" } });

describe("an answer of a stream", () => {
  it("that names the stream means that the message is stored, also when it was stored before", () => {
    expect(dispositionOf(answer({ stream: "ORDERS", seq: 7 }), "message")).toEqual({ outcome: "delivered" });
    const repeat = answer({ stream: "ORDERS", seq: 7, duplicate: true });
    expect(dispositionOf(repeat, "message")).toEqual({ outcome: "delivered" });
  });

  it.each([
    ["no JSON", Buffer.from("hello")],
    ["no object", answer("stored")],
    ["an object without a stream", answer({ seq: 1 })],
    ["an empty name", answer({ stream: "" })],
  ])("that is %s proves nothing: the message is sent again", (_what, data) => {
    expect(dispositionOf(data, "sink")).toMatchObject({ outcome: "retry", class: "unknown", scope: "message" });
  });

  it("that has no room now is the sink's trouble, and passes", () => {
    expect(dispositionOf(refusal(10077), "message")).toEqual({
      outcome: "retry",
      class: "throttled",
      scope: "sink",
      reason: "JetStream refuses: maximum bytes exceeded (10077)",
    });
  });

  it("that the message is too large is the message's", () => {
    const given = dispositionOf(refusal(10054), "sink");
    expect(given).toMatchObject({ outcome: "reject", class: "message_too_large", scope: "message" });
  });

  it.each(["message", "sink"] as const)("that refuses the destination is the %s's, as the caller says", (scope) => {
    for (const [number, failureClass] of [
      [10059, "invalid_destination"],
      [10035, "authorization"],
    ] as const) {
      expect(dispositionOf(refusal(number), scope)).toMatchObject({ outcome: "reject", class: failureClass, scope });
    }
  });

  it.each([500, 503, 408, 429])("with an unknown number and code %i is tried again", (code) => {
    const given = dispositionOf(refusal(1, code), "message");
    expect(given).toMatchObject({ outcome: "retry", class: "unavailable", scope: "sink" });
  });

  it("with an unknown number and another code refuses the message", () => {
    const given = dispositionOf(refusal(1, 400), "sink");
    expect(given).toMatchObject({ outcome: "reject", class: "protocol_rejection", scope: "message" });
  });

  it("that says nothing about its error counts as a failure of the server", () => {
    const given = dispositionOf(answer({ error: null }), "message");
    expect(given).toMatchObject({ outcome: "retry", reason: "JetStream refuses: no reason given (0)" });
  });
});
