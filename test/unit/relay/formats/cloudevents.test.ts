/** CloudEvents 1.0, read by the project's own library and written by it. */
import { CloudEvent, HTTP } from "cloudevents";
import { describe, expect, it } from "vitest";
import cloudevents from "../../../../src/relay/formats/cloudevents.ts";
import { decode, encode, message } from "./messages.ts";

const small = () => message({ payload: '{"id": 7, "ok": true}' });

describe("[relay 6] CloudEvents", () => {
  it("structured, is a valid event for the CloudEvents library", () => {
    const [encoded] = encode(cloudevents, small());
    expect(encoded?.contentType).toBe("application/cloudevents+json");
    const received = HTTP.toEvent({
      headers: { "content-type": String(encoded?.contentType) },
      body: String(encoded?.body),
    });
    const event = Array.isArray(received) ? received[0] : received;
    expect(event instanceof CloudEvent && event.validate()).toBe(true);
    expect(event).toMatchObject({
      specversion: "1.0",
      id: "42",
      source: "/pgtide/pg-tide/public/outbox_orders",
      type: "io.pgtide.insert",
      subject: "orders.insert",
      datacontenttype: "application/json",
      op: "insert",
      data: { id: 7, ok: true },
    });
    expect(new Date(event?.time ?? 0).toISOString()).toBe("2026-03-04T05:06:07.123Z");
  });

  it("binary, carries the attributes in headers and the payload as it is", () => {
    const [encoded] = encode(cloudevents, small(), { mode: "binary", server_name: "shop-1", schema: "app" });
    expect(encoded?.body).toBe(small().payload);
    const received = HTTP.toEvent({
      headers: { "content-type": String(encoded?.contentType), ...encoded?.headers },
      body: String(encoded?.body),
    });
    expect(Array.isArray(received) ? received[0] : received).toMatchObject({
      id: "42",
      source: "/pgtide/shop-1/app/outbox_orders",
      type: "io.pgtide.insert",
      op: "insert",
      data: { id: 7, ok: true },
    });
  });

  it("[R-08] percent-encodes what a header cannot hold", () => {
    const [encoded] = encode(cloudevents, small(), { mode: "binary", subject: 'a b\r\nx-evil: 1"%ü' });
    expect(encoded?.headers["ce-subject"]).toBe("a%20b%0D%0Ax-evil:%201%22%25%C3%BC");
  });

  it("reads what the library writes", () => {
    const sent = HTTP.structured(
      new CloudEvent({
        id: "e-1",
        source: "/shop",
        type: "order.paid",
        subject: "7",
        data: { total: 5 },
        tenant: "t1",
      }),
    );
    const [event] = decode(cloudevents, String(sent.body));
    expect(event).toMatchObject({
      eventId: "/shop#e-1",
      payload: '{"total":5}',
      subject: "order.paid",
      headers: { id: "e-1", source: "/shop", type: "order.paid", subject: "7", tenant: "t1" },
    });
  });

  it("reads a batch as many events, and keeps numbers of data exact", () => {
    const event = (id: string) =>
      `{"specversion":"1.0","id":"${id}","source":"/s","type":"t","n":12345678901234567890,"data":12345678901234567890}`;
    expect(
      decode(cloudevents, `[${event("a")},${event("b")}]`).map(({ eventId, payload }) => [eventId, payload]),
    ).toEqual([
      ["/s#a", "12345678901234567890"],
      ["/s#b", "12345678901234567890"],
    ]);
    expect(JSON.stringify(decode(cloudevents, event("a"))[0]?.headers)).not.toContain("u0000");
  });

  it.each([
    ["another version", { specversion: "0.3", id: "1", source: "/s", type: "t" }, "specversion"],
    ["no id", { specversion: "1.0", source: "/s", type: "t" }, "id"],
    ["an id that is a number", { specversion: "1.0", id: 5, source: "/s", type: "t" }, "id"],
    [
      "two kinds of data",
      { specversion: "1.0", id: "1", source: "/s", type: "t", data: 1, data_base64: "eA==" },
      "both",
    ],
    ["a text", "hello", "object"],
  ])("refuses %s", (_name, event, reason) => {
    expect(() => decode(cloudevents, JSON.stringify(event))).toThrow(reason);
  });
});
