/**
 * Where a deploy could show a secret, found before anything of the project runs.
 *
 * The product's own traffic leaks nothing (parameters travel as COPY data), but it cannot change what the project's
 * SQL says in clear text, what the server writes down, or who listens on the way. Each exposure is one line that says
 * what could be seen and one that says what to do. They are warnings; a strict run refuses to start because of them.
 *
 * Two of them need both sides: a statement log or a statistics view matters when the project sets a password in clear
 * text. Whether it does is read from the SQL: a literal is certain; a password put together at run time counts unless
 * the parameters it can come from are verifiers, which the server stores as they are.
 */

import { isScramVerifier } from "../../pg/scram.ts";
import type { SessionTarget } from "../../pg/session.ts";
import { maskSql, sqlRegions } from "../../pg/sql-text/mask.ts";
import type { Parameter, Project } from "../project/project.ts";
import type { Warning } from "./report.ts";

/**
 * What the server says about itself and about us, by name, asked in the same message that prepares the session. A
 * setting that this server does not know is absent: `pg_stat_statements.track` is there exactly when that module is.
 */
export type ExposureFacts = ReadonlyMap<string, string>;

export interface ExposureInput {
  target: SessionTarget;
  facts: ExposureFacts;
  project: Project;
  parameters: readonly Parameter[];
  /** Whether the server is our own embedded one: its only role is its superuser, and only this account reaches it. */
  isEmbedded: boolean;
}

/** Every exposure of this run, the most serious first. */
export function exposuresOf({ target, facts, project, parameters, isEmbedded }: ExposureInput): Warning[] {
  const exposures: Warning[] = [];
  if (!target.tls && !staysOnThisMachine(target.host)) {
    exposures.push({
      id: "no-tls",
      message: `the connection to ${target.host} is not encrypted`,
      remedy: "Use --sslmode verify-full.",
    });
  }
  const logging = statementLogging(facts);
  const isCounted = (facts.get("pg_stat_statements.track") ?? "none") !== "none";
  // Nobody need read the project's SQL for a server that writes nothing down.
  const password = logging || isCounted ? clearTextPassword(project, parameters) : undefined;
  if (password) exposures.push(...passwordExposures(password, { logging, isCounted }));
  if (facts.get("is_superuser") === "on" && !isEmbedded) {
    exposures.push({
      id: "superuser",
      message: `connected as superuser "${facts.get("user") ?? target.user}"`,
      remedy: "Deploy as a role that owns only what the project changes.",
    });
  }
  return exposures;
}

function passwordExposures(
  { path, line, certain }: PasswordPlace,
  { logging, isCounted }: { logging: string | undefined; isCounted: boolean },
): Warning[] {
  const what = `the project ${certain ? "sets" : "can set"} a role's password in clear text (${path}, line ${line})`;
  const remedy = "Pass a verifier instead, --param 'key=scram(${env:NAME})', or print one with: pgkeep access password";
  const exposures: Warning[] = [];
  if (logging) exposures.push({ id: "password-logged", message: `${what} and the server logs it: ${logging}`, remedy });
  if (isCounted) {
    const message = `${what} and pg_stat_statements keeps the statement`;
    exposures.push({ id: "password-in-statistics", message, remedy });
  }
  return exposures;
}

/** The first setting under which the server writes statements to its log, as "name = value"; undefined: none does. */
export function statementLogging(facts: ExposureFacts): string | undefined {
  const logs: Readonly<Record<string, (value: string) => boolean>> = {
    log_statement: (value) => value !== "none",
    log_min_duration_statement: (value) => !value.startsWith("-"),
    log_min_duration_sample: (value) => !value.startsWith("-"),
    log_transaction_sample_rate: (value) => Number(value) > 0,
    "pgaudit.log": (value) => value !== "none" && value !== "",
  };
  for (const [name, reveals] of Object.entries(logs)) {
    const value = facts.get(name);
    if (value !== undefined && reveals(value)) return `${name} = ${value}`;
  }
  return undefined;
}

/** Unix sockets and loopback addresses: nobody else can listen there. */
export function staysOnThisMachine(host: string): boolean {
  return (
    host.startsWith("/") ||
    host.startsWith("@") ||
    /^(?:localhost|::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/i.test(host.replace(/\.$/, ""))
  );
}

/** Where the project sets a password in clear text. */
export interface PasswordPlace {
  path: string;
  /** 1-based. */
  line: number;
  /** Whether a literal stands there, rather than a value put in at run time. */
  certain: boolean;
}

/** The first place where the project sets a password in clear text, literals before values put in at run time. */
export function clearTextPassword(project: Project, parameters: readonly Parameter[]): PasswordPlace | undefined {
  const scripts = [
    { path: "deploy.sql", content: project.deployScript },
    ...project.files.filter(({ isSql }) => isSql).map(({ path, content }) => ({ path, content })),
  ];
  const places = scripts.flatMap(({ path, content }) => passwordsIn(content).map((place) => ({ path, ...place })));
  const verified = passwordParametersAreVerifiers(parameters);
  return places.find(({ certain }) => certain) ?? (verified ? undefined : places[0]);
}

/** Keys under which projects pass passwords. */
const PASSWORD_KEY = /(?:password|passwd|pwd)/;

/** The other form of a password that the server stores as it is. */
const MD5_VERIFIER = /^md5[0-9a-f]{32}$/;

function passwordParametersAreVerifiers(parameters: readonly Parameter[]): boolean {
  const passwords = parameters.filter(({ key }) => PASSWORD_KEY.test(key));
  return passwords.length > 0 && passwords.every(({ value }) => isScramVerifier(value) || MD5_VERIFIER.test(value));
}

interface PasswordInText {
  line: number;
  certain: boolean;
}

/** 8: deeper nesting of quoted SQL in quoted SQL has no use. */
const MAX_NESTING = 8;

/** A statement that takes a password, from its first word to its end, on a mask. */
const ROLE_STATEMENT = /\b(?:create|alter)\s+(?:role|user|group)\b(?!\s+mapping\b)[^;]*/gi;

/** PASSWORD and the literal after it; the literal's body is read from the original text. */
const PASSWORD_LITERAL = /\bpassword\s+(?:e|u&)?'/gi;

/** PASSWORD followed by what a program puts in: a format place, or the end of a literal that something is appended to. */
const PASSWORD_SLOT = /\b(?:role|user|group)\b[^;]*\bpassword\s+(?:''?)?(?:%(?:\d+\$)?[LsI]|$)/i;

/** Every place in `text` where a role's password is set in clear text, inside quoted bodies too. */
export function passwordsIn(text: string, depth = 0): PasswordInText[] {
  if (!/password/i.test(text) || depth > MAX_NESTING) return [];
  const lineAt = (index: number): number => text.slice(0, index).split("\n").length;
  const mask = maskSql(text);
  const literals = [...mask.matchAll(ROLE_STATEMENT)].flatMap((statement) =>
    [...statement[0].matchAll(PASSWORD_LITERAL)]
      .map((word) => statement.index + word.index + word[0].length)
      .filter((body) => !isVerifierAt(text, body))
      .map((body) => ({ line: lineAt(body), certain: true })),
  );
  const nested = quotedBodies(text).flatMap(({ start, end }) => {
    const body = text.slice(start, end).replaceAll("''", "'");
    const inner = passwordsIn(body, depth + 1).map(({ line, certain }) => ({
      line: line + lineAt(start) - 1,
      certain,
    }));
    const slot = inner.length === 0 && isShort(body) && PASSWORD_SLOT.test(body);
    return slot ? [{ line: lineAt(start), certain: false }] : inner;
  });
  return [...literals, ...nested];
}

/** Bodies of literals; the parts between doubled quotes belong together. */
function quotedBodies(text: string): { start: number; end: number }[] {
  const bodies: { start: number; end: number }[] = [];
  for (const { kind, start, end } of sqlRegions(text)) {
    if (kind !== "body") continue;
    const last = bodies.at(-1);
    if (last && text.slice(last.end, start) === "''") last.end = end;
    else bodies.push({ start, end });
  }
  return bodies;
}

/** A slot is looked for in format strings, not in whole function bodies, whose own literals are read one by one. */
function isShort(body: string): boolean {
  return body.length <= 2_000 && !/\bbegin\b/i.test(body);
}

function isVerifierAt(text: string, body: number): boolean {
  return /^(?:SCRAM-SHA-256\$|md5[0-9a-f]{32}')/.test(text.slice(body, body + 40));
}
