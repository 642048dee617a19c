/** Differences between a database and its model as text. */
import { shellWord } from "../../base/shell.ts";
import type operation from "../../operations/access.diff.ts";
import { defineRenderer } from "../renderer.ts";
import { differenceLines } from "./access-difference-text.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: (output) => `${differenceLines(output).join("\n")}\n`,
  summary: ({ model, missing, extra, different }) =>
    missing.length + extra.length + different.length === 0
      ? undefined
      : `next: pgkeep access plan ${shellWord(model.file)}        shows the statements that end it`,
});
