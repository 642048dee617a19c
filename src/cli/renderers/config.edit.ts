/** Where the settings went, for stderr: the wizard has no result. */
import { tameLine } from "../../base/tame.ts";
import { defineRenderer } from "../renderer.ts";

export default defineRenderer<{ path: string }>({
  result: () => "",
  summary: ({ path }, { program }) =>
    `wrote ${tameLine(path)}${program === "pgmi" ? "" : "\nnext: pgkeep doctor     is the connection ready"}`,
});
