/**
 * Tells `npm test` which server a connector was tested against, or why against none: it lists them at its end.
 *
 *   beforeEach(tellsServer("sink redis", () => "redis-server 7.0.15"));
 */
import type { TestContext } from "vitest";

declare module "vitest" {
  interface TaskMeta {
    /** "sink redis", and the server or the reason why there was none. */
    connector?: { name: string; server?: string; reason?: string };
  }
}

/** `server`: asked before each test; undefined: there is none, for `reason`. */
export function tellsServer(
  name: string,
  server: () => string | undefined,
  reason = "",
): (context: Pick<TestContext, "task">) => void {
  return ({ task }) => {
    const against = server();
    task.meta.connector = against === undefined ? { name, reason } : { name, server: against };
  };
}
