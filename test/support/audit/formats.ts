/** One audit in every format, as the command line would print it. */
import type { AuditDocument } from "../../../src/audit/report/document.ts";
import auditRun from "../../../src/cli/renderers/audit.run.ts";
import { viewOf } from "../view.ts";
import { everyKind, found, SAMPLE_WAIVER, sampleDocument, sampleResult } from "./sample.ts";

/** `document` as `name`; "human" with every id. */
export async function inFormat(name: string, document: AuditDocument): Promise<string> {
  if (name === "json") return JSON.stringify(document);
  if (name === "human") return auditRun.result?.(document, viewOf({ verbose: true })) ?? "";
  return (await auditRun.formats?.[name]?.(document)) ?? "";
}

/** Findings of each severity with fixes of each kind, an accepted one, checks that are unknown, passed, absent. */
export const EVERYTHING = sampleDocument(everyKind(), {
  parts: { waivers: [SAMPLE_WAIVER] },
  display: { full: true, listUnknown: true },
});

/** Findings about objects that are markup in one syntax or another. */
export function markupResults() {
  return [
    sampleResult({
      id: "ROL-001",
      severity: "critical",
      outcome: found(
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(1)</script>",
        '" onmouseover="alert(1)',
        "]]><x>",
        "]]>&amp;&#0;",
        "[click](javascript:alert(1))",
        "{0} {{1}} \\[x](y)",
        "=cmd|'/c calc'!A0",
      ),
    }),
  ];
}
