/** Reads what line sinks wrote, for the suite of every sink. */
import type { Received } from "../../../conformance/relay/sinks.ts";

/**
 * The lines of `text`. A relay message holds its id itself; the suite's bodies hold the number that the id is made of.
 */
export function linesAsReceived(text: string): Received[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const parsed: unknown = JSON.parse(line);
      const hasNumber = typeof parsed === "object" && parsed !== null && "number" in parsed;
      return {
        body: Buffer.from(line),
        dedupId: hasNumber ? `outbox_orders:${String(parsed.number)}:0` : undefined,
        headers: {},
      };
    });
}
