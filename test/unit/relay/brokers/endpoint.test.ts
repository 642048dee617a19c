/** Where a broker is and what proves who we are, as it stands in a pipeline. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  endpointFields,
  endpointUrl,
  failureOf,
  isCleanText,
  readEndpoint,
} from "../../../../src/relay/brokers/endpoint.ts";
import { ConnectorFailure } from "../../../../src/relay/failures.ts";
import { connectorContext, readConfig } from "../../../conformance/relay/connector.ts";

const SCHEME = { form: "rediss://host:port", plain: ["redis"], secure: ["rediss"], plainPort: 6379, securePort: 6380 };
const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

const CONNECTOR = {
  config: () => z.strictObject({ url: endpointUrl(z, SCHEME), ...endpointFields(z) }),
};

const read = (fields: Record<string, unknown>, allowInsecure = false) =>
  readEndpoint(readConfig(CONNECTOR, fields), SCHEME, connectorContext({ allowInsecure }));

function failure(fields: Record<string, unknown>, allowInsecure = false): ConnectorFailure {
  try {
    read(fields, allowInsecure);
  } catch (error) {
    if (error instanceof ConnectorFailure) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("an endpoint", () => {
  it("is read from the URL, percent escapes undone", () => {
    expect(read({ url: "rediss://us%40er:p%2Fw%3A@broker.example:7000/a%2Fb" })).toMatchObject({
      host: "broker.example",
      port: 7000,
      isSecure: true,
      username: "us@er",
      password: "p/w:",
      path: "a/b",
      timeoutMs: 10_000,
    });
  });

  it("has the port of its scheme when the URL names none, and an address without brackets", () => {
    expect(read({ url: "rediss://[::1]" })).toMatchObject({ host: "::1", port: 6380 });
    expect(read({ url: "redis://h", tls: true })).toMatchObject({ port: 6380, isSecure: true });
    expect(read({ url: "redis://h", allow_insecure: true }, true)).toMatchObject({ port: 6379, isSecure: false });
  });

  it("takes user and password of the fields before those of the URL", () => {
    const fields = { url: "rediss://a:b@h", username: "c", password: "d" };
    expect(read(fields)).toMatchObject({ username: "c", password: "d" });
  });

  it("[R-19] has TLS unless both the pipeline and the process say otherwise", () => {
    const url = "redis://h";
    expect(failure({ url }).message).toContain("rediss://");
    expect(failure({ url }, true).class).toBe("invalid_config");
    expect(failure({ url, allow_insecure: true }).class).toBe("invalid_config");
  });

  it.each([
    ["another scheme", "http://user:hunter2-secret@h"],
    ["no URL", "hunter2-secret"],
    ["no host", "rediss://"],
    ["a query", "rediss://:hunter2-secret@h?timeout=1"],
    ["a fragment", "rediss://:hunter2-secret@h#x"],
    ["half an escape", "rediss://:hunter2-secret%@h"],
    ["a port that is none", "rediss://:hunter2-secret@h:99999"],
  ])("is refused with %s, and the refusal repeats nothing of it", (_what, url) => {
    const refused = failure({ url });
    expect(refused.class).toBe("invalid_config");
    expect(`${refused.message}${refused.stack}${JSON.stringify(refused)}`).not.toContain("hunter2-secret");
  });

  it("takes certificates as PEM text only, and a client certificate only with its key", () => {
    const url = "rediss://h";
    expect(read({ url, tls_ca_file: PEM, tls_client_cert: PEM, tls_client_key: PEM }).trust).toEqual({
      ca: PEM,
      cert: PEM,
      key: PEM,
    });
    expect(failure({ url, tls_ca_file: "/etc/passwd" }).message).toContain("tls_ca_file");
    expect(failure({ url, tls_client_cert: PEM }).class).toBe("invalid_config");
    expect(failure({ url, tls_client_key: PEM }).class).toBe("invalid_config");
  });
});

describe("the failure of a client", () => {
  it("carries no cause: clients hang the command, password and payload in it, on their errors", () => {
    const error = Object.assign(new Error("refused"), { command: { name: "AUTH", args: ["hunter2-secret"] } });
    const shown = failureOf(error, "could not sign in");
    expect(shown.message).toBe("could not sign in: refused");
    expect(shown.cause).toBeUndefined();
  });

  it.each([
    ['Unknown RESP type 72 "H". Please report this.', "no Redis server"],
    ["Invalid header flag bits, must be 0x0 for puback packet", "no MQTT broker"],
    ["Not supported", "no MQTT broker"],
    ["Frame size 1345270062 exceeds maxFrameSize 67108864", "no RabbitMQ broker"],
  ])("says of an answer in another language what that means: %s", (said, meant) => {
    const shown = failureOf(new Error(said), "could not connect");
    expect([shown.class, shown.message]).toEqual(["unavailable", expect.stringContaining(meant)]);
    expect(shown.message).toContain("look at host and port");
  });

  it("stays what it was when it is one of ours", () => {
    const ours = new ConnectorFailure("throttled", "later");
    expect(failureOf(ours, "x")).toBe(ours);
  });
});

describe("clean text", () => {
  it.each(["a b", "żółć 漢字 🙂", "a/b.c:d", ""])("may be %j", (text) => {
    expect(isCleanText(text)).toBe(true);
  });

  it.each(["a\r\nb", "a\u0000", "\u007f", "\u0085", "\ud800", "\ufdd0", "\uffff", "\u{1fffe}"])(
    "[R-08] is not %j",
    (text) => {
      expect(isCleanText(text)).toBe(false);
    },
  );
});
