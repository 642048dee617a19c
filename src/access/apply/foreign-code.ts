/**
 * Whose code would run by itself while access is changed.
 *
 * GRANT, REVOKE, ALTER and CREATE POLICY fire event triggers, with the rights of whoever sends them. Only a superuser
 * makes an event trigger, but its function may belong to somebody else, who can replace the body at any time: a run as
 * administrator would hand that role an administrator's rights. So nothing is changed while there is such a function.
 */
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import { ident } from "../../pg/identifiers.ts";
import type { Session } from "../../pg/session.ts";

/** Event triggers whose function belongs to a role that could not do by itself what the session's role can. */
const STRANGERS = `
  select e.evtname as name, a.rolname as owner, pg_catalog.pg_get_userbyid(e.evtowner) as keeper,
         e.evtfoid::pg_catalog.regprocedure::pg_catalog.text as routine
    from pg_catalog.pg_event_trigger as e
    join pg_catalog.pg_proc as p on p.oid operator(pg_catalog.=) e.evtfoid
    join pg_catalog.pg_roles as a on a.oid operator(pg_catalog.=) p.proowner
   where e.evtenabled operator(pg_catalog.<>) 'D'
     and not a.rolsuper
     and a.rolname operator(pg_catalog.<>) current_user
   order by e.evtname
   limit 1`;

/** Throws ACCESS_BLOCKED when a definition of ours would run code of a role that is neither superuser nor ourselves. */
export async function refuseForeignCode(session: Session, state: string): Promise<void> {
  const [trigger] = await session.query(STRANGERS);
  if (!trigger) return;
  const { name, owner, keeper, routine } = trigger;
  throw new PgkeepError("ACCESS_BLOCKED", `event trigger "${tameLine(name ?? "")}" would run code of another role`, {
    detail: `Its function ${tameLine(routine ?? "")} belongs to role "${tameLine(owner ?? "")}", which would act with the rights of this run.`,
    hint: `Have a superuser look at the function and take it over: alter function ${tameLine(routine ?? "")} owner to ${ident(keeper ?? "")};`,
    state,
  });
}
