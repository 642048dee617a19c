/** Limits of the headers that leave with an event, each at the limit and one beyond. */
import { describe, expect, it } from "vitest";
import { configuredHeaders, eventHeaders } from "../../../../src/relay/webhooks/request-headers.ts";

const NONE: ReadonlySet<string> = new Set();
const count = (headers: Record<string, string>, taken = NONE) => eventHeaders(headers, taken).length / 2;

describe("[R-08] headers of an event", () => {
  it("are 32 at most", () => {
    const many = (length: number) => Object.fromEntries(Array.from({ length }, (_, index) => [`x-${index}`, "v"]));
    expect([count(many(32)), count(many(33))]).toEqual([32, 32]);
  });

  it("are 4 KiB each and 8 KiB together at most", () => {
    expect([count({ "x-a": "v".repeat(4_096) }), count({ "x-a": "v".repeat(4_097) })]).toEqual([1, 0]);
    const half = { "x-a": "v".repeat(4_093), "x-b": "v".repeat(4_093) };
    expect([count(half), count({ ...half, "x-b": "v".repeat(4_094) })]).toEqual([2, 1]);
  });

  it.each(["x-order", "X-Order", "ce-type", "traceparent", "tracestate", "baggage", "pgkeep-a", "pg-tide-op"])(
    "%s may leave",
    (name) => {
      expect(eventHeaders({ [name]: "v" }, NONE)).toEqual([name.toLowerCase(), "v"]);
    },
  );

  it.each([
    "order",
    "accept",
    "content-type",
    "x-my-signature",
    "x-auth-user",
    "x-csrf-token",
    "x-api-key",
    "x-apikey",
    "x-forwarded-proto",
    "x-client-ip",
    "x-amzn-trace-id",
    "x-envoy-original-path",
    "x-accel-redirect",
    "x-sendfile",
    "X-Forwarded-For",
    "x-hub-delivery",
  ])("%s may not", (name) => {
    expect(count({ [name]: "v" })).toBe(0);
  });

  it("never replace one that is there already", () => {
    expect(count({ "X-Tenant": "v" }, new Set(["x-tenant"]))).toBe(0);
  });
});

describe("headers of a configuration", () => {
  it("are taken with names in lower case, up to 4 KiB", () => {
    const value = "v".repeat(4_096);
    expect(configuredHeaders({ "X-A": value })).toEqual({ headers: { "x-a": value }, problem: undefined });
    expect(configuredHeaders({ "X-A": `${value}v` }).problem).toBe('header "X-A" is longer than 4096 characters');
  });
});
