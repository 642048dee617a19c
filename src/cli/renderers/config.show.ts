/** Settings in effect, a line each: name, value, and with --origin the place it comes from. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/config.show.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ settings }) => {
    if (settings.length === 0) return "nothing is set; defaults apply\n";
    const width = Math.max(...settings.map(({ name }) => name.length));
    return settings.map((setting) => `${tameLine(setting.name).padEnd(width)}  ${valueText(setting)}\n`).join("");
  },
});

/** A secret says that it is set, and never its value, however little of it. */
function valueText({ value, origin }: Output["settings"][number]): string {
  if (value === null) return origin === undefined ? "(set)" : `(set, from ${tameLine(origin)})`;
  return origin === undefined ? tameLine(value) : `${tameLine(value)}  (${tameLine(origin)})`;
}
