/**
 * Makes a deploy.sql tell which file it runs.
 *
 * Projects run their files themselves, by `EXECUTE file.content` in PL/pgSQL, so the client sees one long DO statement.
 * This adds two calls around each such EXECUTE, on the same line: `_pgkeep_run` announces the file whose text it gets
 * and hands the text on, `_pgkeep_done` says that it ended. What the script does stays the same: both calls are plain
 * expressions, which change neither FOUND nor row counts nor line numbers.
 *
 * It is done only where reading is certain: bodies in dollar quotes of DO statements and of functions and procedures
 * created in pg_temp, in PL/pgSQL, and there only statements that start with EXECUTE. In doubt nothing is added; then
 * a failure is located less exactly, and that is all. A project that drops the session's temporary objects drops our
 * functions with them, so it goes without (see `dropsTemporary`).
 */
import { maskSql } from "../../pg/sql-text/mask.ts";
import type { Edit } from "./source-map.ts";
import { type StatementSpan, statementSpans } from "./statements.ts";

const RUN_OPEN = "pg_temp._pgkeep_run((";
const RUN_CLOSE = "))";
const DONE = " IF pg_temp._pgkeep_done() THEN END IF;";

const WORD_EDGE = "(?![\\w$\\u0080-\\uffff])";
const BLANK = "[ \\t\\n\\r\\f\\v]";
const DO = new RegExp(`^do${WORD_EDGE}`, "i");
const TEMPORARY_ROUTINE = new RegExp(
  `^create${BLANK}+(?:or${BLANK}+replace${BLANK}+)?(?:function|procedure)${BLANK}+pg_temp${BLANK}*\\.`,
  "i",
);
const LANGUAGE = new RegExp(`(?<![\\w$.\\u0080-\\uffff])language${BLANK}+([\\w$\\u0080-\\uffff]+|['"])`, "gi");
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/;
const TOKEN = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|<<|>>|:=|[^ \t\n\r\f\v\w]|\d+/g;

/** A transaction that touched temporary objects cannot be prepared, and our calls touch some. */
const PREPARES_TRANSACTION = new RegExp(`prepare${BLANK}+transaction`, "i");

/** A function that says something about parallel queries may run in one, where our notes are refused. */
const MAY_RUN_IN_PARALLEL = new RegExp(`(?<![\\w$.\\u0080-\\uffff])parallel${BLANK}`, "i");

/** Words and signs after which PL/pgSQL begins a statement. */
const STATEMENT_MAY_FOLLOW: ReadonlySet<string> = new Set([";", "begin", "then", "else", "loop", ">>"]);

/** Statements that drop temporary objects, our functions among them. */
const DROPS_TEMPORARY = new RegExp(`discard${BLANK}+(?:all|temp)|drop${BLANK}+owned|pg_my_temp_schema`, "i");

/** Whether SQL may take away the functions that are called, wherever in it and however quoted. */
export const dropsTemporary = (sql: string): boolean => DROPS_TEMPORARY.test(sql);

/** The insertions that make `script` tell which files it runs. Empty when there is nothing that is certain to be right. */
export function instrumentationEdits(script: string, mask: string = maskSql(script)): Edit[] {
  if (PREPARES_TRANSACTION.test(script) || dropsTemporary(script)) return [];
  return statementSpans(script, mask).flatMap((span) => {
    const body = plpgsqlBody(mask, span);
    return body ? editsOfBody(script.slice(body.start, body.end), body.start) : [];
  });
}

/** Where the PL/pgSQL body of this statement is; undefined when it has none or it is not plain to see. */
function plpgsqlBody(mask: string, { start, end }: StatementSpan): StatementSpan | undefined {
  const statement = mask.slice(start, end);
  const isDo = DO.test(statement);
  if (!isDo && (!TEMPORARY_ROUTINE.test(statement) || MAY_RUN_IN_PARALLEL.test(statement))) return undefined;
  const open = DOLLAR_TAG.exec(statement);
  if (!open) return undefined;
  const bodyStart = open.index + open[0].length;
  const bodyEnd = statement.indexOf(open[0], bodyStart);
  const rest = bodyEnd < 0 ? "" : statement.slice(bodyEnd + open[0].length);
  // Dollar quotes elsewhere (defaults of arguments, settings) leave open which of them is the body.
  if (bodyEnd < 0 || DOLLAR_TAG.test(rest)) return undefined;
  const languages = [...(statement.slice(0, open.index) + rest).matchAll(LANGUAGE)].map(([, name]) =>
    name?.toLowerCase(),
  );
  const isPlpgsql = languages.length === 0 ? isDo : languages.length === 1 && languages[0] === "plpgsql";
  return isPlpgsql ? { start: start + bodyStart, end: start + bodyEnd } : undefined;
}

interface Token {
  text: string;
  start: number;
  end: number;
}

function editsOfBody(body: string, offset: number): Edit[] {
  const mask = maskSql(body);
  const tokens: Token[] = [...mask.matchAll(TOKEN)].map(({ 0: text, index }) => ({
    text: text.toLowerCase(),
    start: index,
    end: index + text.length,
  }));
  const edits: Edit[] = [];
  tokens.forEach((token, index) => {
    const previous = tokens[index - 1];
    if (token.text !== "execute" || !previous || !STATEMENT_MAY_FOLLOW.has(previous.text)) return;
    const expression = expressionAfter(tokens, index + 1);
    if (!expression) return;
    edits.push(
      insertion(offset + expression.start, RUN_OPEN),
      insertion(offset + expression.end, RUN_CLOSE),
      insertion(offset + expression.statementEnd, DONE),
    );
  });
  return edits;
}

const insertion = (at: number, replacement: string): Edit => ({
  start: at,
  end: at,
  replacement,
  kind: "instrumentation",
});

/**
 * The expression that starts at `first`, up to INTO, USING or the semicolon outside parentheses, as PL/pgSQL reads it.
 * undefined when something speaks against an EXECUTE statement, such as the ELSE of a CASE around a column "execute".
 */
function expressionAfter(
  tokens: readonly Token[],
  first: number,
): { start: number; end: number; statementEnd: number } | undefined {
  let depth = 0;
  let cases = 0;
  let last: Token | undefined;
  for (let index = first; index < tokens.length; index++) {
    const token = tokens[index];
    if (!token) return undefined;
    const { text } = token;
    const isName = tokens[index - 1]?.text === "." || tokens[index - 1]?.text === "as";
    if (text === "(" || text === "[") depth++;
    else if (text === ")" || text === "]") depth--;
    else if (text === "case" && !isName) cases++;
    else if (text === "end" && !isName) cases--;
    else if ((text === "else" || text === "when" || text === "then") && cases === 0) return undefined;
    if (depth < 0 || cases < 0) return undefined;
    const ends = depth === 0 && (text === ";" || text === "into" || text === "using");
    if (text === ";" && depth > 0) return undefined;
    if (ends) {
      const start = tokens[first]?.start;
      const statementEnd = semicolonAfter(tokens, index);
      if (!last || start === undefined || cases !== 0 || statementEnd === undefined) return undefined;
      return { start, end: last.end, statementEnd };
    }
    last = token;
  }
  return undefined;
}

/** Index after the next semicolon outside parentheses. */
function semicolonAfter(tokens: readonly Token[], from: number): number | undefined {
  let depth = 0;
  for (const { text, end } of tokens.slice(from)) {
    if (text === "(" || text === "[") depth++;
    else if (text === ")" || text === "]") depth--;
    else if (text === ";" && depth === 0) return end;
  }
  return undefined;
}
