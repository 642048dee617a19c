/** The blocks that were or would be written. */
import { tameLine, tameText } from "../../base/tame.ts";
import type operation from "../../operations/metadata.scaffold.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ files, written }) => {
    if (files.length === 0) return "every SQL file has a metadata block\n";
    if (written) return `${files.map(({ path }) => tameLine(path)).join("\n")}\n`;
    return files.map(({ path, block }) => `${tameLine(path)}\n${tameText(block)}\n`).join("");
  },
  progress: () => undefined,
  summary: ({ files, written }) => {
    if (files.length === 0) return undefined;
    const count = `${files.length} ${files.length === 1 ? "file" : "files"}`;
    return written ? `${count} written` : `${count} would get a block; write them with --write`;
  },
});
