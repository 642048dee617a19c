/** Two lines for each template: its name, and what it is for. */
import type operation from "../../operations/templates.list.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ templates }) => templates.map(({ name, summary }) => `${name}\n  ${summary}\n`).join(""),
});
