/** What a receiver's words cost and tell: they are the receiver's to choose. */
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/base/clock.ts";
import { refusalOf } from "../../../../src/relay/webhooks/outcomes.ts";
import { expectLinearTime, repeated } from "../../../support/growth.ts";

const refusal = (text: string, body: string) =>
  refusalOf({ status: 422, retryAfter: undefined, text }, Buffer.from(body), systemClock);

describe("an answer that refuses", () => {
  it.each([
    ["periodic", "a", `${"a".repeat(19)}b`],
    ["almost found", `${"a".repeat(10)}b${"a".repeat(9)}`, "a"],
    ["ends differently", `b${"a".repeat(19)}`, "a"],
  ])(
    "[R-07] keeps the process busy in proportion to words and body, not to words times body: %s",
    async (_, word, part) => {
      // 4 KB of words and 256 KB of body are what is kept.
      const input = (size: number) => ({ text: repeated(word)(size / 64), body: repeated(part)(size) });
      await expectLinearTime({ input, work: ({ text, body }) => refusal(text, body), largest: 262_144 });
    },
  );

  it("[R-06] is not kept when it repeats 24 letters of the event, wherever they stand", () => {
    const body = JSON.stringify({ note: `${"-".repeat(33)}leave it at the back door please` });
    for (let at = 0; at < 8; at++) {
      const said = "leaveitatthebackdoorplease".slice(0, 24);
      expect(refusal(`${"z".repeat(at)} ${said} z`, body)).toMatchObject({
        reason: "the endpoint answered 422 and repeated the request",
      });
    }
    expect(refusal("leave it at", body)).toMatchObject({ reason: "the endpoint answered 422: leave it at" });
  });
});
