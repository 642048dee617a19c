/** One template as text, wrapped, with its files. */
import type operation from "../../operations/templates.describe.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ name, summary, description, files }, { width }) => {
    const lines = [name, `  ${summary}`, "", ...wrapped(description, Math.min(width, 100)), "", "files"];
    return `${[...lines, ...files.map((file) => `  ${file}`)].join("\n")}\n`;
  },
});

function wrapped(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && line.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}
