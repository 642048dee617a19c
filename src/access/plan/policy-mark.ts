/**
 * Knowing one's own policy again.
 *
 * PostgreSQL keeps the parsed form of a policy's expressions and writes them back in its own words: `owner =
 * current_user` comes back as `(owner = (CURRENT_USER)::text)`. Comparing texts would find a difference for ever, and
 * asking the server for its form of the model's text needs a table made for it, which a plan must not do. So whoever
 * sets an expression leaves a mark in the policy's comment: a digest of the model's text, and one of what the server made of
 * it. When both still fit, the policy is as the model says; when somebody changed it since, the second does not fit.
 *
 * The mark is memory and no proof: the owner of a table could forge one, and could as well switch row level security
 * off. Policies that were written in the server's own words need no mark.
 */
import { createHash } from "node:crypto";
import { ident, literal } from "../../pg/identifiers.ts";
import type { Policy } from "../catalog/snapshot.ts";
import type { PolicyModel } from "../model/model.ts";
import { textSql } from "./naming.ts";

type Expressions = Pick<PolicyModel, "using" | "check">;

const MARK = /\n?\[pgkeep ([0-9a-f]{32}) ([0-9a-f]{32})\]$/;

/** U+001F between the two, which stands in no expression. */
function digest({ using = "", check = "" }: Expressions): string {
  return createHash("sha256").update(`${using}\u001f${check}`, "utf8").digest("hex").slice(0, 32);
}

/** Whether `present` means what `wanted` says. */
export function hasSameExpressions(wanted: Expressions, present: Policy): boolean {
  const isSame =
    plainForm(wanted.using) === plainForm(present.using) && plainForm(wanted.check) === plainForm(present.check);
  if (isSame) return true;
  const [, ofModel, ofServer] = MARK.exec(present.comment ?? "") ?? [];
  return ofModel === digest(wanted) && ofServer === digest(present);
}

/** Without what never matters: outer parentheses, white space, and the case of what stands outside of quotes. */
export function plainForm(expression: string | undefined): string | undefined {
  if (expression === undefined) return undefined;
  const parts = expression.split(/('(?:[^']|'')*'|"(?:[^"]|"")*")/);
  const text = parts
    .map((part, index) => (index % 2 === 1 ? part : part.toLowerCase().replace(/\s+/g, " ")))
    .join("")
    .trim();
  return withoutOuterParentheses(text);
}

function withoutOuterParentheses(text: string): string {
  let inner = text;
  while (inner.startsWith("(") && closesAtEnd(inner)) inner = inner.slice(1, -1).trim();
  return inner;
}

function closesAtEnd(text: string): boolean {
  let depth = 0;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === "'" || character === '"') quote = character;
    else if (character === "(") depth++;
    else if (character === ")" && --depth === 0) return at === text.length - 1;
  }
  return false;
}

/** The statement that leaves the mark, once the expressions of `policy` are set; keeps what else the comment says. */
export function markSql(
  target: { schema: string; table: string; sql: string },
  policy: PolicyModel,
  comment: string | undefined,
): string {
  const kept = (comment ?? "").replace(MARK, "");
  const start = `${kept === "" ? "" : `${kept}\n`}[pgkeep ${digest(policy)} `;
  const about = `comment on policy ${ident(policy.name)} on ${target.sql} is `;
  const body = `
declare mark text;
begin
  select pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
           pg_catalog.concat(pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.chr(31),
                             pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)), 'UTF8')), 'hex'), 32)
    into strict mark
    from pg_catalog.pg_policy as p
    join pg_catalog.pg_class as c on c.oid = p.polrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
   where n.nspname = ${textSql(target.schema)} and c.relname = ${textSql(target.table)} and p.polname = ${textSql(policy.name)};
  execute ${textSql(about)} || pg_catalog.quote_literal(${textSql(start)} || mark || ']');
end`;
  return `do ${literal(body).trim()}`;
}
