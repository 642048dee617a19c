/** Examples one after the other, each under its language when there are several. */
import { defineRenderer } from "../renderer.ts";

export default defineRenderer<{ clients: readonly { language: string; text: string }[] }>({
  result: ({ clients }) =>
    clients.map(({ language, text }) => (clients.length > 1 ? `# ${language}\n${text}\n` : `${text}\n`)).join("\n"),
});
