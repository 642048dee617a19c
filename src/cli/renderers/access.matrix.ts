/**
 * Objects down, roles across, while the roles fit the width; else each object with the roles that have something on it.
 * As CSV one line per cell, so that a spreadsheet can turn it any way.
 */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/access.matrix.ts";
import { columns } from "../generic-text.ts";
import { defineRenderer, type View } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;
type Row = Output["objects"][number];

/** 200 objects: more is a list to narrow down or to search as JSON, not to read. */
const MAX_SHOWN = 200;

export default defineRenderer<Output>({
  result: (output, view) => `${[...table(output, view), ...tail(output, view)].join("\n")}\n`,
  formats: { csv: (output) => (output ? csv(output) : "") },
});

function table({ objects, roles }: Output, view: View): string[] {
  const shown = shownOf(objects, view);
  // A column takes at least one character and the gap: with many roles there is no need to try.
  if (roles.length * 3 > view.width) return shown.map((row) => asLine(row, view));
  const grid = [
    ["", ...roles.map(roleText)],
    ...shown.map((row) => [objectText(row), ...roles.map((role) => cellText(row, role, view))]),
  ];
  const widths = (grid[0] ?? []).map((_, index) => Math.max(...grid.map((cells) => columns(cells[index] ?? ""))));
  const total = widths.reduce((sum, width) => sum + width + 2, 0);
  if (total - 2 > view.width) return shown.map((row) => asLine(row, view));
  return grid.map((cells) =>
    cells
      .map((cell, index) => padded(cell, widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

const shownOf = (objects: readonly Row[], { verbose }: View): readonly Row[] =>
  verbose ? objects : objects.slice(0, MAX_SHOWN);

function asLine(row: Row, view: View): string {
  const cells = row.cells.map(({ role, cell }) => `${roleText(role)} ${signs(cell, view)}`);
  return `${objectText(row)}  ${cells.join(", ") || "-"}`;
}

function cellText({ cells }: Row, role: string | null, view: View): string {
  return signs(cells.find((cell) => cell.role === role)?.cell ?? "-", view);
}

/** The two marks that ASCII does not have. */
function signs(cell: string, { ascii }: View): string {
  return ascii ? cell.replaceAll("◐", "~").replaceAll("⚑", "!") : cell;
}

const roleText = (role: string | null): string => (role === null ? "PUBLIC" : tameLine(role));

function objectText({ kind, schema, name }: Row): string {
  return tameLine(schema === null ? `${kind} ${name}` : `${schema}.${name}`);
}

const padded = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - columns(text)));

function tail({ objects, superusers, unreadable }: Output, view: View): string[] {
  const rest = objects.length - shownOf(objects, view).length;
  return [
    ...(objects.length === 0 ? ["no object of that choice"] : []),
    ...(rest > 0 ? ["", `… ${rest} more (--verbose, or --schema and --object to see some)`] : []),
    "",
    `R read or use, W write, D define, O own; * may pass on, p by PUBLIC, s after SET ROLE, ${signs("◐", view)} limited, ${signs("⚑", view)} definer routine`,
    `superusers, who may do everything: ${superusers.map((name) => tameLine(name)).join(", ") || "none"}`,
    ...(unreadable.length > 0
      ? [`not readable for this role: ${unreadable.map((what) => tameLine(what)).join(", ")}`]
      : []),
  ];
}

const CSV_HEADER = "kind,schema,object,owner,role,cell,now,after_set_role";

function csv({ objects }: Output): string {
  const lines = objects.flatMap(({ kind, schema, name, owner, cells }) =>
    cells.map(({ role, cell, now, after_set_role }) =>
      [kind, schema ?? "", name, owner ?? "", role ?? "PUBLIC", cell, now.join(" "), after_set_role.join(" ")]
        .map((value) => csvValue(tameLine(value)))
        .join(","),
    ),
  );
  return `${[CSV_HEADER, ...lines].join("\r\n")}\r\n`;
}

/** Quoted where needed; what a spreadsheet would take for a formula gets an apostrophe in front. */
function csvValue(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
