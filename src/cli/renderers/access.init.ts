/** The model itself when no file was named; else where it is and what to do with it. */
import { shellWord } from "../../base/shell.ts";
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/access.init.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ file, text }) => (file === null ? text : ""),
  summary: ({ file, database, profile, roles }, { ascii, place = "" }) => {
    const mark = ascii ? "ok" : "✓";
    const what = `${tameLine(database)}: profile ${profile}, roles ${roles.map((role) => `"${tameLine(role)}"`).join(", ")}`;
    if (file === null) return `${mark} ${what}`;
    return `${mark} ${what} -> ${tameLine(file)}\nnext: pgkeep access plan ${shellWord(file)}${place}`;
  },
});
