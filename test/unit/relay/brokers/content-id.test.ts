/** Events without an id of their own are told apart by where they came from and what they hold. */
import { describe, expect, it } from "vitest";
import { contentId } from "../../../../src/relay/brokers/content-id.ts";

describe("the id of an event that came without one", () => {
  const of = (subject: string, body: string) => contentId(subject, Buffer.from(body));

  it("is the same when it comes again", () => {
    expect(of("lamp/1", "on")).toBe(of("lamp/1", "on"));
  });

  it("differs by body and by where it came from, wherever the line between them is", () => {
    const ids = [of("lamp/1", "on"), of("lamp/2", "on"), of("lamp/1", "off"), of("lamp/1o", "n"), of("", "lamp/1on")];
    expect(new Set(ids).size).toBe(ids.length);
  });
});
