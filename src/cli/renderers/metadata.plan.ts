/** Metadata in plan order. Under the reference's name the listing goes to stderr, as it does there. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/metadata.plan.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: (output, view) => (view.program === "pgmi" ? "" : `${listing(output)}\n`),
  summary: (output, view) => (view.program === "pgmi" ? listing(output) : undefined),
});

function listing({ plan, total_files }: Output): string {
  return [`${total_files} SQL files`, ...plan.flatMap(entryLines)].join("\n");
}

function entryLines({ path, id, idempotent, sort_keys, description }: Output["plan"][number], index: number): string[] {
  const lines = [
    `${index + 1}. ${tameLine(path)}`,
    `   id ${id}, ${idempotent ? "idempotent" : "runs once"}`,
    `   keys ${sort_keys.map(tameLine).join(", ")}`,
  ];
  return description === "" ? lines : [...lines, `   ${tameLine(description)}`];
}
