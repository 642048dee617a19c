/** How a verification looks; see access-verify-text.ts. */
import type { ProgressEvent } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import type { VerifyDocument } from "../../operations/access/verify-document.ts";
import { defineRenderer, type View } from "../renderer.ts";
import { reportOfProbes, verifyText } from "./access-verify-text.ts";
import { reportFormats } from "./deploy-formats.ts";

export default defineRenderer<VerifyDocument>({
  progress: (event, view) => progressLine(event, view),
  result: (output, view) => verifyText(output, view),
  formats: reportFormats(reportOfProbes),
});

/** For people who wait. */
function progressLine(event: ProgressEvent, view: View): string | undefined {
  if (view.quiet || !(view.isTerminal || view.verbose)) return undefined;
  const role = tameLine(String(event.role));
  if (event.type === "access.verify_role") return `probing as "${role}" (${Number(event.done) + 1} of ${event.total})`;
  if (event.type === "access.verify_login") return `logging in as "${role}"`;
  return undefined;
}
