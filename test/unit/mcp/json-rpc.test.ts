/** The line protocol: what is answered, with which code, and that nothing a client sends ends the session. */
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { METHOD_NOT_FOUND, RpcError, serveLines } from "../../../src/mcp/json-rpc.ts";

async function answersTo(...lines: string[]): Promise<Record<string, unknown>[]> {
  const answers: Record<string, unknown>[] = [];
  const handle = async (method: string): Promise<unknown> => {
    if (method === "fail") throw new Error("canary");
    if (method === "missing") throw new RpcError(METHOD_NOT_FOUND, "no such method");
    return { method };
  };
  await serveLines(Readable.from(lines.map((line) => Buffer.from(`${line}\n`))), handle, (line) => {
    answers.push(JSON.parse(line));
  });
  return answers;
}

const request = (fields: Record<string, unknown>): string => JSON.stringify({ jsonrpc: "2.0", ...fields });
const codeOf = (answer: Record<string, unknown> | undefined): unknown => Reflect.get(Object(answer?.error), "code");

describe("a line", () => {
  it("[TL-11] that is no JSON is answered with -32700 and id null, and the session goes on", async () => {
    const [bad, good] = await answersTo("{oops", request({ id: 1, method: "ping" }));
    expect(bad).toMatchObject({ id: null, error: { code: -32_700 } });
    expect(good).toMatchObject({ id: 1, result: { method: "ping" } });
  });

  it.each([
    ["of another version", { jsonrpc: "1.0", id: 1, method: "a" }],
    ["with a null id", { jsonrpc: "2.0", id: null, method: "a" }],
    ["with an object as id", { jsonrpc: "2.0", id: {}, method: "a" }],
    ["without a method", { jsonrpc: "2.0", id: 1 }],
    ["that is a list", [1]],
  ])("[TL-11] %s is answered with -32600 and id null", async (_, message) => {
    const [answer] = await answersTo(JSON.stringify(message));
    expect(answer).toMatchObject({ id: null, error: { code: -32_600 } });
  });

  it("without an id is a notification and unanswered", async () => {
    expect(await answersTo(request({ method: "fail" }), "", request({ method: "missing" }))).toEqual([]);
  });

  it("that names no method is answered with -32601", async () => {
    expect(codeOf((await answersTo(request({ id: "x", method: "missing" })))[0])).toBe(-32_601);
  });

  it("that makes us fail is answered without the exception's words", async () => {
    const [answer] = await answersTo(request({ id: 2, method: "fail" }));
    expect(codeOf(answer)).toBe(-32_603);
    expect(JSON.stringify(answer)).not.toContain("canary");
  });

  it("may come in pieces, with characters cut in half", async () => {
    const bytes = Buffer.from(`${request({ id: "é😀", method: "ping" })}\n`);
    const answers: string[] = [];
    const pieces = [...bytes].map((byte) => Buffer.from([byte]));
    await serveLines(
      Readable.from(pieces),
      async () => ({}),
      (line) => answers.push(line),
    );
    expect(answers.map((line) => JSON.parse(line).id)).toEqual(["é😀"]);
  });

  it("that never ends does not take all memory, and the next one is answered", async () => {
    const flood = Array.from({ length: 20 }, () => Buffer.alloc(1024 * 1024, "x"));
    const answers: string[] = [];
    const end = Buffer.from(`\n${request({ id: 3, method: "ping" })}\n`);
    await serveLines(
      Readable.from([...flood, end]),
      async () => ({}),
      (line) => answers.push(line),
    );
    expect(answers.map((line) => JSON.parse(line).id)).toEqual([null, 3]);
  });

  it("that never ends is no request at the end of the input, whatever it ends with", async () => {
    const flood = Array.from({ length: 17 }, () => Buffer.alloc(1024 * 1024, "x"));
    const handled: string[] = [];
    const answers: string[] = [];
    await serveLines(
      Readable.from([...flood, Buffer.from(request({ id: 4, method: "hidden" }))]),
      async (method) => handled.push(method),
      (line) => answers.push(line),
    );
    expect(handled).toEqual([]);
    expect(answers.map((line) => JSON.parse(line).id)).toEqual([null]);
  });
});
