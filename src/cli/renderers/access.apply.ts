/** An apply as text: the plan before the question, one line per statement where a person reads along, then the result. */
import type operation from "../../operations/access.apply.ts";
import { defineRenderer } from "../renderer.ts";
import { appliedSummary, appliedText, applyProgress } from "./access-applied-text.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: appliedText,
  progress: applyProgress,
  summary: appliedSummary,
});
