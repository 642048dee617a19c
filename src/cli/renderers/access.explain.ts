/**
 * The answer first, then one block per path, then what was looked at in vain and what else to know.
 *
 * Names, evidence and policies come from the server, so every line is tamed.
 */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/access.explain.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;
type Path = Output["paths"][number];

export default defineRenderer<Output>({
  result: (output) => `${[headline(output), ...pathLines(output), ...tailLines(output)].map(tameLine).join("\n")}\n`,
});

const ANSWERS: Readonly<Record<Output["answer"], string>> = {
  now: "yes",
  "after set role": "yes, but only after SET ROLE",
  "some columns": "only some columns",
  no: "no",
  unknown: "unknown",
};

function headline({ answer, paths, reasons, is_complete }: Output): string {
  const because = reasons.length > 0 ? `: ${reasons.join("; ")}` : "";
  if (answer === "no" || answer === "unknown") return `${ANSWERS[answer]}${because}`;
  if (paths.length === 0) return `${ANSWERS[answer]}, through too many memberships to find out which`;
  const count = `${paths.length}${is_complete ? "" : " and more"}`;
  return `${ANSWERS[answer]}, by ${count} ${paths.length === 1 && is_complete ? "path" : "paths"}`;
}

function pathLines({ paths }: Output): string[] {
  const width = String(paths.length).length;
  return paths.flatMap((path, index) => onePath(path, String(index + 1).padStart(width + 2)));
}

function onePath(path: Path, number: string): string[] {
  const indent = " ".repeat(number.length + 2);
  const limits = [...(path.when === "now" ? [] : [`as ${path.acting}, after SET ROLE`]), ...restrictions(path)];
  return [
    `${number}  ${path.steps.map(({ text }) => text).join(", ")}`,
    ...limits.map((limit) => `${indent}${limit}`),
    ...removals(path).map((remove, index) => `${indent}${index === 0 ? "closed by  " : "or         "}${remove}`),
  ];
}

function restrictions({ reaches, rows }: Path): string[] {
  const schema = reaches ? [] : ["leads nowhere: no usage on the schema"];
  if (!rows || rows.limit === "all") return schema;
  if (rows.limit === "none") return [...schema, `row level security: ${rows.reason}`];
  const policies = rows.policies.map(({ name, using, check }) => `policy "${name}"${conditionText(using, check)}`);
  return [...schema, `row level security: ${policies.join(", ")}`];
}

function conditionText(using: string | null, check: string | null): string {
  const condition = using ?? check;
  return condition === null ? "" : ` to rows where ${condition}`;
}

/** The last step's statement first: it closes this path and touches least else. */
function removals({ steps }: Path): string[] {
  return steps.flatMap(({ remove }) => (remove === null ? [] : [`${remove};`])).reverse();
}

function tailLines({ not_by, paths, notes }: Output): string[] {
  const free = paths.some(({ rows }) => rows?.reason === "the owner's rights, and it is not forced");
  return [
    ...(not_by.length > 0 ? [`not by: ${not_by.join(", ")}`] : []),
    ...(free ? ["row level security does not hold for the owner's rights: it is not forced"] : []),
    ...notes.map((note) => `note: ${note}`),
  ];
}
