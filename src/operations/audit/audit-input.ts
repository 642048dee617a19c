/** What is said to every operation that audits: which server or files, how deep, and against what. */
import { PROFILES, type Profile } from "../../audit/ratings.ts";
import type { ZodNamespace } from "../../base/operation.ts";
import { settingsFields } from "../../config/input.ts";
import { connectionFields } from "../../pg/connect/input.ts";
import type { ServerRequest } from "../server/connect.ts";

/** What is audited, and how deep. */
export interface AuditInput extends ServerRequest {
  profile?: Profile | undefined;
  only?: readonly string[] | undefined;
  probe?: boolean | undefined;
  onHost?: boolean | undefined;
  thisDatabase?: boolean | undefined;
  model?: string | undefined;
  waivers?: string | undefined;
  baseline?: string | undefined;
  hba?: string | undefined;
  ident?: string | undefined;
  conf?: string | undefined;
  serverVersion?: string | undefined;
}

/** Whether files are to be judged, and no server asked. */
export const judgesFiles = ({ hba, ident, conf }: AuditInput): boolean => (hba ?? ident ?? conf) !== undefined;

/** The fields of every operation that audits. */
export function auditFields(z: ZodNamespace) {
  const file = (description: string) => z.string().optional().meta({ description, valueName: "FILE", group: "what" });
  return {
    profile: z.enum(PROFILES).optional().meta({
      description: "How strict to be; default: the configuration's, else default",
      valueName: "NAME",
      group: "what",
    }),
    only: z.array(z.string()).optional().meta({
      description: "Checks or pillars that take part: ROL-001, ROL-*, network",
      valueName: "NAME",
      group: "what",
    }),
    probe: z.boolean().optional().meta({
      description: "Also try what the server accepts from strangers (leaves lines in its log)",
      group: "what",
    }),
    onHost: z
      .boolean()
      .optional()
      .meta({ description: "Look at this machine as the server's, also when that cannot be seen", group: "what" }),
    thisDatabase: z.boolean().optional().meta({ description: "Look into the connected database alone", group: "what" }),
    model: file("Access model whose drift is a finding"),
    waivers: file("Accepted findings; default pgkeep-waivers.yaml"),
    baseline: file("Report only what this baseline does not have"),
    hba: file("Judge this pg_hba.conf without a server"),
    ident: file("Judge this pg_ident.conf without a server"),
    conf: file("Judge this postgresql.conf without a server"),
    serverVersion: z.string().optional().meta({
      description: "Version of the server that the files are for; default the newest",
      valueName: "N",
      group: "what",
    }),
    ...settingsFields(z),
    ...connectionFields(z),
  };
}
