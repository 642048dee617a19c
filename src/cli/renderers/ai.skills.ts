/** One guide per line, name first. */
import { defineRenderer } from "../renderer.ts";

export default defineRenderer<{ skills: readonly { name: string; about: string }[] }>({
  result: ({ skills }) => skills.map(({ name, about }) => `${name.padEnd(16)} ${about}\n`).join(""),
});
