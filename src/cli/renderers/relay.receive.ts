/** Events as JSON lines on stdout, each before it is acknowledged. */
import { jsonText } from "../output.ts";
import { defineRenderer } from "../renderer.ts";

interface Output {
  acknowledged: number;
  failed: number;
}

export default defineRenderer<Output>({
  result: () => "",
  stream: (event) => {
    if (event.type !== "relay.received") return undefined;
    const { type: _type, ...fields } = event;
    return jsonText(fields);
  },
  summary: ({ acknowledged, failed }) => {
    if (acknowledged + failed === 0) return undefined;
    return `${acknowledged} acknowledged, ${failed} failed`;
  },
});
