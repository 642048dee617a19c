/** The end of a connection. */
import { describe, expect, it } from "vitest";
import { Loss } from "../../../../src/relay/brokers/loss.ts";
import { ConnectorFailure } from "../../../../src/relay/failures.ts";

const AWAY = new ConnectorFailure("unavailable", "the broker ended it");
const LATER = new ConnectorFailure("timeout", "no answer");

describe("a connection that ends", () => {
  it("has the first reason, whatever follows", () => {
    const loss = new Loss();
    expect(loss.reason).toBeUndefined();
    loss.lose(AWAY);
    loss.lose(LATER);
    expect(loss.reason).toBe(AWAY);
  });

  it("tells everybody who waits for it, once, when its reason is known", () => {
    const loss = new Loss();
    const heard: unknown[] = [];
    loss.onLost(() => heard.push(["one", loss.reason]));
    loss.onLost(() => heard.push(["two", loss.reason]));
    loss.lose(AWAY);
    loss.lose(LATER);
    expect(heard).toEqual([
      ["one", AWAY],
      ["two", AWAY],
    ]);
  });
});
