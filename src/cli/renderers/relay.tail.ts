/** One line per batch and per dead letter, on stdout as they come; never a payload. */
import { tameLine } from "../../base/tame.ts";
import { defineRenderer } from "../renderer.ts";
import { clockText, textOf } from "./relay-text.ts";

export default defineRenderer<{ lines: number }>({
  result: () => "",
  stream: (event) => {
    const head = `${clockText(event.at)} ${textOf(event.pipeline)}`;
    if (event.type === "relay.delivered") {
      const median = typeof event.median_ms === "number" ? `  ${event.median_ms.toLocaleString("en")} ms` : "";
      const position = `position ${textOf(event.position)}`;
      const batch = `batch ${textOf(event.batch)}`;
      return tameLine(
        `${head} ${textOf(event.events)} delivered → ${textOf(event.sink)}${median}  ${position}  ${batch}`,
      );
    }
    if (event.type !== "relay.dead_letter") return undefined;
    const attempts = `attempt ${textOf(event.attempts)}`;
    return tameLine(
      `${head} dead letter ${textOf(event.id)}  ${textOf(event.kind)}  ${attempts}  ${textOf(event.error)}`,
    );
  },
});
