/** What a relay is told at its start: refused before anything is started when it cannot be meant. */
import { describe, expect, it } from "vitest";
import { PgkeepError } from "../../../../src/base/errors.ts";
import { timesOf } from "../../../../src/operations/relay/relay-options.ts";
import { allowedNetworks, DEFAULT_RUN } from "../../../../src/operations/relay/run-input.ts";

describe("--ssrf-allow", () => {
  it("takes lists of networks and names, several times", () => {
    expect(allowedNetworks(undefined)).toEqual([]);
    expect(allowedNetworks(["10.0.0.0/8, nats.internal", "::1/128,"])).toEqual([
      "10.0.0.0/8",
      "nats.internal",
      "::1/128",
    ]);
  });

  it("[R-02] refuses anything else instead of permitting less than the operator thinks", () => {
    for (const entry of ["10.0.0.0/33", "not a host", "300.1.1.1", "http://example.com", "a b,10.0.0.0/8"]) {
      expect(() => allowedNetworks([entry]), entry).toThrow(
        expect.objectContaining({ code: "CONFIG_VALUE_INVALID", message: expect.stringContaining("--ssrf-allow") }),
      );
    }
    expect(() => allowedNetworks(["*"])).toThrow(PgkeepError);
  });
});

describe("--lease", () => {
  it("is half a second to an hour: a longer one would keep pipelines from everybody else", () => {
    expect(timesOf({ ...DEFAULT_RUN, lease: "1h" }).leaseMs).toBe(3_600_000);
    for (const lease of ["499ms", "61m", "600h", "soon"]) {
      expect(() => timesOf({ ...DEFAULT_RUN, lease }), lease).toThrow(
        expect.objectContaining({
          code: "CONFIG_VALUE_INVALID",
          message: "--lease is not a duration from 500 ms to 3600000 ms",
        }),
      );
    }
  });
});
