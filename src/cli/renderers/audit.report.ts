/** A saved audit as text (audit-text.ts) and in every format of reports. */
import type operation from "../../operations/audit.report.ts";
import { defineRenderer } from "../renderer.ts";
import { auditFormats } from "./audit-formats.ts";
import { auditText } from "./audit-text.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: auditText,
  formats: auditFormats<Output>((output) => output),
});
