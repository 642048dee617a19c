/**
 * Statements that have to run as another role, as a script has them: who runs the script becomes the role and is itself again.
 *
 * Back leads SET ROLE NONE and never RESET ROLE. A role stored for the login or the database (ALTER ROLE ... SET role) is
 * what RESET goes to, so after the first such statement the rest of the script would run as a role that the script did not
 * begin with. Texts for people have RESET, because a session of theirs may have begun with the stored role.
 */
import { ident } from "../../pg/identifiers.ts";

const BACK = "set role none";

/** `sql` as `role`. */
export function actedAs(role: string, sql: string): string[] {
  return [become(role), sql, BACK];
}

/** The statements of a text that checks or the planner of access wrote for a person, changes of role among them. */
export function actingStatements(text: string): readonly string[] {
  if (!CHANGES_ROLE.test(text)) return [text];
  const parts = text.match(/(?:"(?:[^"]|"")*"|[^";'$])+|['$]/g) ?? [];
  // A literal may hold a semicolon, so texts with one stay as they are.
  if (parts.some((part) => part === "'" || part === "$")) return [text];
  return parts.map((part) => part.trim()).map((part) => (part === "reset role" ? BACK : part));
}

const CHANGES_ROLE = /(?:^|; )set role (?:U&)?"/;

/**
 * The statements of `text` where `actors` have to run them (undefined: who runs the script). The text names whoever granted
 * without being the owner; an actor that it does not name is the owner, whose statements stand alone in it.
 */
export function statementsBy(actors: readonly (string | undefined)[], text: string): readonly string[] {
  const statements = actingStatements(text);
  const owner = actors.find((role) => role !== undefined && !statements.includes(become(role)));
  if (owner === undefined) return statements;
  let isOther = false;
  return statements.flatMap((sql) => {
    if (sql === BACK || CHANGES_ROLE.test(sql)) {
      isOther = sql !== BACK;
      return [sql];
    }
    return isOther ? [sql] : actedAs(owner, sql);
  });
}

function become(role: string): string {
  return `set role ${ident(role)}`;
}
