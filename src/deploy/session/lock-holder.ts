/** Who holds a database's deploy lock, and the refusal that names them. */
import { PgkeepError } from "../../base/errors.ts";
import type { Session, TextRow } from "../../pg/session.ts";
import { LOCK_HOLDER } from "./queries.ts";

/** Applications whose lock is that of a deploy. Anybody can call themselves so; it decides only what is said. */
const DEPLOYERS: ReadonlySet<string> = new Set(["pgkeep", "pgmi"]);

/** The session that holds the deploy lock of `database`, which need not be the one we are in; undefined: nobody does. */
export async function lockHolder(session: Session, database: string): Promise<TextRow | undefined> {
  const [holder] = await session.query(LOCK_HOLDER, [database]);
  return holder;
}

/** DEPLOY_LOCKED; `holder` is undefined when it could not be seen. */
export function anotherDeploy(database: string, holder: TextRow | undefined): PgkeepError {
  return new PgkeepError("DEPLOY_LOCKED", `another deploy to database "${database}" is running`, {
    state: "nothing was started",
    detail: holder ? holderSentence(holder) : "Its holder went away while we looked.",
    hint: holder ? `Wait for it, or end it: select pg_terminate_backend(${holder.pid});` : "Run the command again.",
  });
}

/** Names who holds the lock. Any role can take it, so it says when the holder does not look like a deploy. */
function holderSentence({ pid, user, application, since }: TextRow): string {
  const name = application ?? "";
  const looks = DEPLOYERS.has(name.split(/[ /:]/)[0] ?? "")
    ? "looks like a deploy"
    : "does not look like a deploy: somebody may be holding the lock to block deploys";
  const parts = [
    `process ${pid}`,
    user ? `role "${user}"` : undefined,
    name ? `application "${name}"` : "no application name",
    since ? `connected since ${since} UTC` : undefined,
  ];
  return `The lock is held by ${parts.filter((part) => part !== undefined).join(", ")}. It ${looks}.`;
}
