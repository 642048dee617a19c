/** What ends a command from outside: its own timeout, one signal, and a second one. */
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pgkeep, pgkeepStarted } from "../../support/pgkeep.ts";

/** Accepts connections and never says anything. */
let silent: Server;
let words: string[];
let connections = 0;
beforeAll(async () => {
  silent = createServer((socket) => {
    connections += 1;
    socket.on("error", () => undefined);
  }).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const port = String(Reflect.get(Object(silent.address()), "port"));
  words = ["doctor", "-h", "127.0.0.1", "-p", port, "-d", "x"];
});
afterAll(() => silent.close());

/** Until the program waits for the server's first byte. */
async function hasConnected(): Promise<void> {
  const before = connections;
  // One connection asks whether the port is open, the next one is the session's.
  while (connections < before + 2) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("a command that waits", () => {
  it("ends with 16 when --timeout passes", async () => {
    const { status, stdout } = await pgkeep([...words, "--timeout", "500ms", "--json"]);
    expect(status).toBe(16);
    expect(JSON.parse(stdout)).toMatchObject({ exit_code: 16, error: { code: "COMMAND_TIMEOUT", retryable: true } });
  });

  it("has no timeout with 0 and refuses a negative one", async () => {
    const { child, finished } = pgkeepStarted([...words, "--timeout", "0"]);
    await hasConnected();
    expect(child.exitCode).toBeNull();
    child.kill("SIGTERM");
    expect((await finished).status).toBe(130);
    expect((await pgkeep([...words, "--timeout=-1s"])).status).toBe(10);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends with 130 at %s, and says so", async (signal) => {
    const { child, finished } = pgkeepStarted(words);
    await hasConnected();
    child.kill(signal);
    const { status, stdout, stderr } = await finished;
    expect([status, stdout]).toEqual([130, ""]);
    expect(stderr).toContain("CODE: COMMAND_INTERRUPTED");
  });
});
