/** The plan of a project as a table: order, file, and the sort key where it is not the path itself. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/deploy.plan.ts";
import { tableLines } from "../generic-text.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: (output, view) => {
    const { plan, tests, files, project, with_metadata } = output;
    const lines = [`${tameLine(project)}: ${files} files, ${with_metadata} with metadata`, ""];
    if (plan.length > 0) lines.push(...tableLines(plan.map(planRow), view));
    else lines.push("nothing but deploy.sql and tests");
    if (tests.length > 0) lines.push("", "tests", ...tests.map(testLine));
    return `${lines.join("\n")}\n`;
  },
  summary: (_, view) => (view.isTerminal ? "next: pgkeep deploy <path> -d <database>     run it" : undefined),
});

function planRow({ execution_order, path, sort_key, is_sql_file, idempotent, size_bytes }: Output["plan"][number]) {
  return {
    order: execution_order,
    file: withoutDot(path),
    sort_key: sort_key === path ? "" : sort_key,
    kind: is_sql_file ? (idempotent ? "sql" : "sql, once") : "other",
    bytes: size_bytes,
  };
}

function testLine({ directory, depth, fixtures, tests }: Output["tests"][number]): string {
  const setup = fixtures.length === 0 ? "" : ", with fixture";
  const noun = tests.length === 1 ? "test" : "tests";
  return `${"  ".repeat(Math.min(depth, 20) + 1)}${tameLine(withoutDot(directory))}  ${tests.length} ${noun}${setup}`;
}

function withoutDot(path: string): string {
  return path.replace(/^\.\//, "");
}
