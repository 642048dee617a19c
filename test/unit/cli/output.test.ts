/** The way out: order, secrets, readers that go away, disks that are full. */
import { afterEach, describe, expect, it } from "vitest";
import { forgetSecretsForTests, registerSecret } from "../../../src/base/secrets.ts";
import { jsonText, Output } from "../../../src/cli/output.ts";

function failingWith(code: string): Output {
  return new Output(() => {
    throw Object.assign(new Error("write failed"), { code });
  });
}

function collecting(): { output: Output; written: Record<number, string> } {
  const written: Record<number, string> = { 1: "", 2: "" };
  const output = new Output((fd, bytes, offset) => {
    // One byte at a time: a slow pipe takes what it can.
    written[fd] += bytes.subarray(offset, offset + 1).toString("latin1");
    return 1;
  });
  return { output, written };
}

describe("output", () => {
  afterEach(() => forgetSecretsForTests());

  it("writes all of a text, however little the stream takes at once", () => {
    const { output, written } = collecting();
    output.result("result\n");
    output.say("note");
    expect(written).toEqual({ 1: "result\n", 2: "note\n" });
  });

  it("ends quietly when the reader is gone", () => {
    const output = failingWith("EPIPE");
    expect(() => output.result("a")).not.toThrow();
    expect(() => output.json({ a: 1 })).not.toThrow();
  });

  it("fails when the result cannot be written", () => {
    expect(() => failingWith("ENOSPC").result("a")).toThrow(expect.objectContaining({ code: "FILE_WRITE_FAILED" }));
  });

  it("never fails for a message: nobody is left to read it", () => {
    expect(() => failingWith("ENOSPC").say("a")).not.toThrow();
  });

  it("waits for a pipe that is full and goes on", () => {
    let refusals = 2;
    let written = "";
    const output = new Output((_, bytes, offset) => {
      if (refusals-- > 0) throw Object.assign(new Error("full"), { code: "EAGAIN" });
      written += bytes.subarray(offset).toString();
      return bytes.length - offset;
    });
    output.result("later");
    expect(written).toBe("later");
  });

  it("[D-02] hides a secret in results, messages and JSON, in every form it can take", () => {
    const secret = "canary'pass word+1";
    registerSecret(secret);
    const { output, written } = collecting();
    const forms = [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString("base64"),
      Buffer.from(secret).toString("hex"),
    ];
    for (const form of forms) {
      output.result(`a ${form} b\n`);
      output.say(`a ${form} b`);
      output.json({ text: form });
      expect(jsonText({ deep: [{ text: form }] })).not.toContain(form.slice(0, 12));
    }
    for (const stream of [written[1], written[2]]) {
      expect(stream).toContain("[secret]");
      for (const form of forms) expect(stream).not.toContain(form);
    }
  });

  it("keeps JSON valid when a secret looks like one of its numbers", () => {
    registerSecret("1234567");
    expect(JSON.parse(jsonText({ durationMs: 1_234_567, text: "1234567" }))).toEqual({
      durationMs: 1_234_567,
      text: "[secret]",
    });
  });

  it("writes numbers that JSON does not have as null", () => {
    expect(jsonText({ a: Number.NaN, b: Infinity })).toBe('{"a":null,"b":null}');
  });
});
