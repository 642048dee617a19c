/** The role that audits: what it gets on a server, as an access model, and what an existing role must not be. */
import { yamlText } from "../../access/model/yaml-text.ts";
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import type { Server } from "../server/connect.ts";

/** 3: an audit uses one session and its probes a few, and a leaked password cannot use up the server. */
const CONNECTION_LIMIT = 3;

export interface AuditorFacts {
  major: number;
  database: string;
  /** What an existing role of the name may do that an auditor may not; undefined: there is no such role, or it may not. */
  power: string | undefined;
  /** Everybody may connect to the database, the auditor too. */
  isOpen: boolean;
}

const FACTS = `
  select pg_catalog.current_database() as database,
         pg_catalog.has_database_privilege('public', pg_catalog.current_database(), 'CONNECT') as open,
         (select case when r.rolsuper then 'superuser'
                      when r.rolcreaterole then 'CREATEROLE'
                      when r.rolreplication then 'REPLICATION'
                      when r.rolbypassrls then 'BYPASSRLS'
                      when r.rolcreatedb then 'CREATEDB'
                 end
            from pg_catalog.pg_roles as r
           where r.rolname = $1) as power`;

export async function auditorFacts(server: Server, role: string): Promise<AuditorFacts> {
  await using session = await server.open();
  const [row] = await session.query(FACTS, [role]);
  return {
    major: Math.trunc(session.serverVersion / 10_000),
    database: row?.database ?? "",
    power: row?.power ?? undefined,
    isOpen: row?.open === "t",
  };
}

/** The role would be brought to the model, which takes such rights away: nobody means that by making an auditor. */
export function requireHarmless(role: string, { power }: AuditorFacts): void {
  if (power === undefined) return;
  throw new PgkeepError("CONFIG_VALUE_INVALID", `role "${tameLine(role)}" is not to become an auditor`, {
    detail: `It exists and has ${power}, which an auditor has no use for.`,
    hint: "Name another role: --role pgkeep_auditor",
    state: "nothing was changed",
  });
}

interface AuditorModel {
  role: string;
  /** A reference. */
  password: string | undefined;
  facts: AuditorFacts;
}

/** The model, YAML. */
export function auditorText({ role, password, facts: { major, database, isOpen } }: AuditorModel): string {
  const hasIdent = major >= 15;
  const to = [role];
  return yamlText(
    [],
    [
      { key: "version", value: 1 },
      { key: "database", value: database },
      {
        key: "roles",
        value: {
          [role]: { login: true, connection_limit: CONNECTION_LIMIT, member_of: ["pg_monitor"], password },
        },
      },
      ...(isOpen ? [] : [{ key: "database_acl", value: { connect: to } }]),
      {
        key: "objects",
        value: {
          system_views: [
            {
              on: ["pg_hba_file_rules", "pg_file_settings", ...(hasIdent ? ["pg_ident_file_mappings"] : [])],
              grants: [{ to, privileges: "select" }],
            },
          ],
          system_routines: [
            {
              on: [
                "pg_hba_file_rules()",
                "pg_show_all_file_settings()",
                ...(hasIdent ? ["pg_ident_file_mappings()"] : []),
              ],
              grants: [{ to, privileges: "execute" }],
            },
          ],
        },
      },
    ],
  );
}
