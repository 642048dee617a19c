/** Differences between a database and its model as text. */
import type operation from "../../operations/access.diff.ts";
import { defineRenderer } from "../renderer.ts";
import { differenceLines } from "./access-difference-text.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: (output) => `${differenceLines(output).join("\n")}\n`,
});
