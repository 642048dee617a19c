/** What verification gives out: every probe, and the counts that a person reads first. */
import type { VerifyReport } from "../../access/verify/probe.ts";
import { EXIT } from "../../base/errors.ts";
import type { ZodNamespace } from "../../base/operation.ts";

/** A report with what the surfaces need to know besides. */
export interface VerifyDocument extends VerifyReport {
  strict: boolean;
  /** What the database is like now. */
  state: string;
}

export const VERIFY_STATE = "rolled back; nothing was changed";

export function verifySchema(z: ZodNamespace) {
  const count = z.number().int().nonnegative();
  const counts = {
    pass: count.meta({ description: "As the model wants, and tried" }),
    fail: count.meta({ description: "Not as the model wants" }),
    unknown: count.meta({ description: "Could not be answered" }),
    computed: count.meta({ description: "As the model wants, according to the catalog" }),
  };
  const schemaName = z.string().optional().meta({ description: "Schema; absent for database and server" });
  const role = z.string().meta({ description: "Role; empty for PUBLIC" });
  return z.strictObject({
    database: z.string().meta({ description: "Database that was verified" }),
    server_version: count.meta({ description: "Version of the server, as server_version_num" }),
    model: z.string().meta({ description: "File of the model" }),
    model_hash: z.string().meta({ description: "SHA-256 of the file" }),
    executor: z
      .strictObject({ session_user: z.string(), superuser: z.boolean() })
      .meta({ description: "Who verified" }),
    method: z
      .enum(["session authorization", "role", "catalog"])
      .meta({ description: "How probes ran: as the role's own session, by SET ROLE, or not at all" }),
    sample: z
      .strictObject({ size: count, seed: count })
      .optional()
      .meta({ description: "How objects were chosen; absent when all were probed" }),
    counts: z.strictObject(counts).meta({ description: "Probes by result" }),
    matrix: z
      .array(z.strictObject({ role, schema: schemaName, ...counts }))
      .meta({ description: "Probes by role and schema" }),
    probes: z.array(probeSchema(z)).meta({ description: "Every probe" }),
    notes: z.array(z.string()).meta({ description: "What was left out on purpose" }),
    strict: z.boolean().meta({ description: "Whether unknown answers count as findings" }),
    state: z.string().meta({ description: "What the database is like now" }),
  });
}

export function probeSchema(z: ZodNamespace) {
  return z.strictObject({
    row: z.number().int().meta({ description: "Row of the verification matrix" }),
    role: z.string().meta({ description: "Role; empty for PUBLIC" }),
    action: z.string().meta({ description: "What it tried" }),
    object: z.string().meta({ description: "On what" }),
    schema: z.string().optional().meta({ description: "Schema it counts under" }),
    expected: z.enum(["allowed", "refused", "either"]).meta({ description: "What the model wants" }),
    promised: z.literal(true).optional().meta({ description: "The model asks for it under must or must_not" }),
    result: z.enum(["pass", "fail", "unknown", "computed"]).meta({ description: "What came of it" }),
    actual: z.enum(["allowed", "refused"]).optional().meta({ description: "What the server does" }),
    sqlstate: z.string().optional().meta({ description: "The server's code" }),
    message: z.string().optional().meta({ description: "The server's words" }),
    reason: z.string().optional().meta({ description: "Why it is computed or unknown" }),
  });
}

/** Failures win over what is unknown, which counts only when asked to be strict. */
export function verifyExitCode({ counts, strict }: Pick<VerifyDocument, "counts" | "strict">): number {
  if (counts.fail > 0) return EXIT.findings;
  return strict && counts.unknown > 0 ? EXIT.unknown : EXIT.ok;
}
