/** An audit of a live server: sessions one at a time, and what the run brings along besides them. */
import { Unanswered } from "../../audit/answers.ts";
import type { VersionTable } from "../../audit/data/version-table.ts";
import type { Declarations, Drift } from "../../audit/facts/declarations.ts";
import { localHost } from "../../audit/facts/host.ts";
import { lineOf } from "../../audit/facts/line.ts";
import { probeServer } from "../../audit/facts/probe.ts";
import type { Profile } from "../../audit/ratings.ts";
import type { AssemblyParts } from "../../audit/report/assemble.ts";
import type { AuditedTarget } from "../../audit/report/report.ts";
import { type ChosenCheck, runAudit } from "../../audit/run/run-audit.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import { ServerError, type Session } from "../../pg/session.ts";
import { loadModel } from "../access/model-file.ts";
import { planningOf } from "../access/planning.ts";
import { serverOf } from "../server/connect.ts";
import type { AuditInput } from "./audit-input.ts";

interface LiveChoice {
  checks: readonly ChosenCheck[];
  profile: Profile;
  declared: Declarations;
  versions: VersionTable;
  /** Access model, absolute. */
  model: string | undefined;
}

/** What the report needs to know about the run. */
export type AuditedRun = Pick<
  AssemblyParts,
  "results" | "target" | "isSuperuser" | "databases" | "unreachable" | "notes"
>;

/** Audits the server of `input`. Throws CONNECT_... when it cannot be entered at all. */
export async function liveRun(input: AuditInput, context: OperationContext, choice: LiveChoice): Promise<AuditedRun> {
  // A model with mistakes is refused at once, and not when half of the checks have run.
  if (choice.model !== undefined) await loadModel(choice.model, context);
  const server = await serverOf(input, context);
  let first: Session["target"] | undefined;
  const run = await runAudit({
    checks: choice.checks,
    open: server.open,
    isOneDatabase: input.thisDatabase ?? false,
    surroundings: async (session) => {
      first = session.target;
      const { profile, declared, versions, model } = choice;
      const { signal } = context;
      const { user, database } = session.target;
      const line = lineOf(session, server.connection.settings);
      return {
        now: context.clock.now(),
        profile,
        declared,
        versions,
        line,
        probe: input.probe
          ? async () => probeServer({ line, database, roles: [user, ...(await otherLogins(session))], signal })
          : undefined,
        host: await localHost(session, { line, isAsked: input.onHost ?? false }),
        drift: model === undefined ? undefined : () => driftOf({ ...input, model }, context),
      };
    },
    signal: context.signal,
    onPhase: ({ database, done, all }) =>
      context.report({ type: "audit.phase", database: database ?? null, done, all }),
  });
  const { results, isSuperuser, databases, unreachable } = run;
  return { results, isSuperuser, databases, unreachable, target: first && targetOf(first, run.server) };
}

/** Four roles that can log in besides this one, superusers first: which rule of pg_hba.conf holds depends on the name. */
const OTHER_LOGINS = `
  select r.rolname as name
    from pg_catalog.pg_roles as r
   where r.rolcanlogin and r.rolname <> session_user
   order by r.rolsuper desc, r.rolname
   limit 4`;

async function otherLogins(session: Session): Promise<string[]> {
  return (await session.query(OTHER_LOGINS)).map(({ name }) => name ?? "");
}

function targetOf(
  { host, port, database, user, tls }: Session["target"],
  server: { version: string; isStandby: boolean; provider: string | undefined },
): AuditedTarget {
  const { version: serverVersion, isStandby, provider } = server;
  return { host, port, database, user, serverVersion, tls: tls?.protocol, isStandby, provider };
}

/** Everything in which the database is not as its model says. */
async function driftOf(input: AuditInput & { model: string }, context: OperationContext): Promise<Drift[]> {
  const differences = await differencesOf(input, context).catch((error: unknown) => {
    context.signal.throwIfAborted();
    // It has a connection of its own: its failures keep this one answer from us, and no other.
    if (!(error instanceof PgkeepError) && !(error instanceof ServerError)) throw error;
    throw new Unanswered(`the model could not be compared: ${tameLine(error.message)}`);
  });
  return [...differences.missing, ...differences.extra, ...differences.different].map(({ object, ...difference }) => ({
    object,
    detail: `${difference.what} is ${difference.difference}`,
  }));
}

async function differencesOf(input: AuditInput & { model: string }, context: OperationContext) {
  const planning = await planningOf(input, context, { lenient: true });
  await using session = await planning.open();
  return (await planning.compare(session)).differences;
}
