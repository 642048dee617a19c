/** A change of owners as text, like every apply. */
import type operation from "../../operations/access.own.ts";
import { defineRenderer } from "../renderer.ts";
import { appliedSummary, appliedText, applyProgress } from "./access-applied-text.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: appliedText,
  progress: applyProgress,
  summary: appliedSummary,
});
