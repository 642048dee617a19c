/** What a receiver's words cost and tell: they are the receiver's to choose. */
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/base/clock.ts";
import { refusalOf } from "../../../../src/relay/webhooks/outcomes.ts";

const refusal = (text: string, body: string) =>
  refusalOf({ status: 422, retryAfter: undefined, text }, Buffer.from(body), systemClock);

describe("an answer that refuses", () => {
  it.each([
    ["periodic", "a".repeat(4_096), `${"a".repeat(19)}b`.repeat(13_000)],
    ["almost found", `${"a".repeat(10)}b${"a".repeat(9)}`.repeat(204), "a".repeat(262_144)],
    ["ends differently", `b${"a".repeat(19)}`.repeat(204), "a".repeat(262_144)],
  ])("[R-07] keeps the process busy for no longer than any other: %s", (_name, text, body) => {
    refusal(text, body);
    const best = Math.min(
      ...[1, 2, 3].map(() => {
        const started = performance.now();
        refusal(text, body);
        return performance.now() - started;
      }),
    );
    // 6 ms each; searching for every word took 160.
    expect(best).toBeLessThan(60);
  });

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
