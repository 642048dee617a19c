/** The model itself when no file was named, so that it can be sent into one; else what it covers. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/access.import.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ file, text }) => (file === null ? text : ""),
  summary: ({ file, database, roles, schemas, objects, unreadable }, { ascii }) => {
    const place = file === null ? "" : ` -> ${tameLine(file)}`;
    const what = `${roles} roles, ${schemas} schemas, ${objects} objects`;
    const lines = [`${ascii ? "ok" : "✓"} ${tameLine(database)}: ${what}${place}`];
    if (unreadable.length > 0) lines.push(`not looked at: ${unreadable.map(tameLine).join(", ")}`);
    return lines.join("\n");
  },
});
