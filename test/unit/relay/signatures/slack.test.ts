/** Slack's scheme against the example of Slack's documentation, and forgeries. */
import { describe, expect, it } from "vitest";
import slack from "../../../../src/relay/signatures/slack.ts";
import { describeScheme, hexAfter, type Subject, signed, verify } from "./forgeries.ts";

const subject: Subject = {
  definition: slack,
  secret: "8f742231b10e8888abcd99yyyzzz85a5",
  other: "another secret altogether",
  header: "x-slack-signature",
  timestampHeader: "x-slack-request-timestamp",
  ...hexAfter("v0="),
};

describeScheme(subject);

describe("slack", () => {
  it("is the value of Slack's documentation", () => {
    // api.slack.com, "Verifying requests from Slack", the step-by-step example.
    const body = Buffer.from(
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    );
    const headers = {
      "x-slack-request-timestamp": "1531420618",
      "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    };
    expect(signed(subject, body, 1_531_420_618)).toEqual(headers);
    expect(() => verify(subject, { headers, body, now: 1_531_420_700 })).not.toThrow();
  });

  it("takes the event's id from the body", () => {
    expect(verify(subject, { headers: signed(subject) })).toBe("Ev1");
    const body = Buffer.from("not=json");
    expect(verify(subject, { headers: signed(subject, body), body })).toBeUndefined();
  });
});
