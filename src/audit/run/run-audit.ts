/**
 * All checks on all databases of a server, over one connection at a time.
 *
 *   first database: settings as they are -> our own settings -> cluster checks -> its database checks
 *   each further database: its own session, its database checks; template1: its template checks
 *
 * Whatever keeps a check from its answer makes that check unknown and lets the others go on: a database that cannot be
 * entered, a line that breaks, a timeout. Only when the first connection cannot be made is there no audit.
 */
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import { ident } from "../../pg/identifiers.ts";
import { ServerError, type Session } from "../../pg/session.ts";
import { Unanswered } from "../answers.ts";
import type { Check } from "../check.ts";
import { type CatalogueEntry, checkEntries } from "../checks/catalogue.ts";
import type { Facts, ServerIdentity } from "../facts/facts.ts";
import { LiveFacts, type Surroundings } from "../facts/live-facts.ts";
import { hasDatabaseValues, PLAIN_DATABASE } from "../facts/settings.ts";
import type { Pillar, Profile, Severity } from "../ratings.ts";
import { type AuditSession, enterSession, type OpenSession } from "./enter.ts";
import { readOnlyLoss } from "./lost.ts";
import type { CheckOutcome, CheckResult, UnreachableDatabase } from "./result.ts";
import { runCheck } from "./run-check.ts";

/** The oldest major on which the checks were proved; on an older one no pass is believed. */
const FIRST_MAJOR = 14;

const TEMPLATE = "template1";

/**
 * All databases but the two that initdb makes to be copied. An owner may declare a database a template and still work in
 * it, so that word of his keeps nobody out. What takes no connections is named, because he may lift that too.
 */
const DATABASES = `
  select d.datname as name, d.datallowconn as open, pg_catalog.has_database_privilege(d.oid, 'CONNECT') as may
    from pg_catalog.pg_database as d
   where d.datname not in ('template0', '${TEMPLATE}')
   order by 1`;

/** A check as it takes part in one run. */
export interface ChosenCheck {
  check: Check;
  pillar: Pillar;
  /** Under the profile. */
  severity: Severity;
}

export interface Choice {
  profile: Profile;
  /** Ids and pillars that take part; empty: all. Ids may end in `*`: "ROL-*". */
  only: readonly string[];
}

/** The checks of a profile, in the order of the catalogue. */
export async function chooseChecks({ profile, only }: Choice): Promise<readonly ChosenCheck[]> {
  const entries = checkEntries().filter((entry) => only.length === 0 || only.some((word) => isMeant(entry, word)));
  const loaded = await Promise.all(entries.map(async ({ pillar, load }) => ({ pillar, check: await load() })));
  return loaded.flatMap(({ pillar, check }) => {
    const severity = check.profiles?.[profile] ?? check.severity;
    return severity === "off" ? [] : [{ check, pillar, severity }];
  });
}

/** Words that name no check: of any profile, because one that a profile leaves out is no mistake. */
export function strangeWords(only: readonly string[]): readonly string[] {
  return only.filter((word) => !checkEntries().some((entry) => isMeant(entry, word)));
}

function isMeant({ id, pillar }: CatalogueEntry, word: string): boolean {
  const wanted = word.toUpperCase();
  if (wanted.endsWith("*")) return id.startsWith(wanted.slice(0, -1));
  return id === wanted || pillar.toUpperCase() === wanted;
}

export interface AuditRequest {
  checks: readonly ChosenCheck[];
  open: OpenSession;
  /** Looks into the connected database alone. */
  isOneDatabase: boolean;
  /** What the run brings along, made from its first session. */
  surroundings(session: Session): Promise<Omit<Surroundings, "settings">>;
  signal: AbortSignal;
  /** A phase begins: "cluster", or the name of a database. */
  onPhase?: ((phase: { database: string | undefined; done: number; all: number }) => void) | undefined;
  onResult?: ((result: CheckResult) => void) | undefined;
}

export interface AuditRun {
  results: readonly CheckResult[];
  server: ServerIdentity;
  /** Whether the role of the run passes every check of permissions. */
  isSuperuser: boolean;
  databases: readonly string[];
  unreachable: readonly UnreachableDatabase[];
}

/**
 * Throws what `open` throws for the first session, CONNECT_SERVER_REFUSED and CONNECT_LOST when that ends before anything was
 * checked, and the signal's reason.
 */
export async function runAudit(request: AuditRequest): Promise<AuditRun> {
  const first = await enterSession(request.open).catch(throwRefusal);
  await using session = first.session;
  const facts = await factsOf({ ...first, session }, request).catch(throwRefusal);
  const run = new Run(request, facts);
  const own = facts.database;
  const places = request.isOneDatabase ? [] : await otherDatabases(facts).catch(throwRefusal);
  request.onPhase?.({ database: undefined, done: 0, all: places.length + 1 });
  await run.check("cluster", facts, undefined);
  request.onPhase?.({ database: own, done: 0, all: places.length + 1 });
  if (run.isLost) await run.enter("database", { name: own, may: true });
  else await run.check("database", facts, own);
  for (const [index, place] of places.entries()) {
    request.onPhase?.({ database: place.name, done: index + 1, all: places.length + 1 });
    await run.enter("database", place);
  }
  if (!request.isOneDatabase) await run.enter("template", { name: TEMPLATE, may: true });
  return {
    results: run.results,
    server: facts.server(),
    isSuperuser: facts.has("superuser"),
    databases: [own, ...places.map(({ name }) => name)].filter((name) => !run.unreachable.has(name)),
    unreachable: [...run.unreachable.values()],
  };
}

async function factsOf(first: AuditSession, request: AuditRequest): Promise<LiveFacts> {
  const settings = await settingsSeen(first, request);
  return await LiveFacts.of(first.session, { ...(await request.surroundings(first.session)), settings });
}

/** Without a first session there is no audit, and no report in which an answer of the server could stand. */
function throwRefusal(error: unknown): never {
  if (error instanceof Unanswered) throw refusal(error.message, error);
  if (!(error instanceof ServerError)) throw readOnlyLoss(error);
  throw refusal(`${tameLine(error.message)} (SQLSTATE ${error.sqlstate})`, error);
}

function refusal(detail: string, cause: Error): PgkeepError {
  return new PgkeepError("CONNECT_SERVER_REFUSED", "the server refused before anything was checked", {
    detail,
    hint: "Try again; if it stays so, look into the server's log, or name another database with -d.",
    state: "nothing was checked",
    cause,
  });
}

/** The settings of the session, and of one elsewhere when the database at hand has values of its own. */
async function settingsSeen(
  { session, settings: here }: AuditSession,
  request: AuditRequest,
): Promise<Surroundings["settings"]> {
  if (!hasDatabaseValues(here)) return [here];
  const [plain] = await session.query(PLAIN_DATABASE);
  if (!plain?.name) return [here];
  try {
    const { session: elsewhere, settings } = await enterSession(request.open, plain.name);
    await elsewhere.close();
    return [here, settings];
  } catch (error) {
    request.signal.throwIfAborted();
    // What only that database would have told stays unknown.
    if (error instanceof PgkeepError || error instanceof ServerError) return [here];
    throw error;
  }
}

interface Place {
  name: string;
  /** Nobody is let in, superusers neither. */
  isClosed?: boolean;
  may: boolean;
}

async function otherDatabases(facts: LiveFacts): Promise<Place[]> {
  const rows = await facts.query(DATABASES);
  return rows
    .map(({ name, open, may }) => ({ name: name ?? "", isClosed: open !== "t", may: may === "t" }))
    .filter(({ name }) => name !== facts.database);
}

/** The results as they come, and what could not be entered. */
class Run {
  readonly results: CheckResult[] = [];
  readonly unreachable = new Map<string, UnreachableDatabase>();
  /** Whether the last session broke. */
  isLost = false;
  readonly #request: AuditRequest;
  readonly #facts: LiveFacts;

  constructor(request: AuditRequest, facts: LiveFacts) {
    this.#request = request;
    this.#facts = facts;
  }

  /** Runs the checks of one scope in one place. A line that breaks makes the rest unknown. */
  async check(scope: Check["scope"], facts: Facts, database: string | undefined): Promise<void> {
    let lost: string | undefined;
    this.isLost = false;
    for (const chosen of this.#of(scope)) {
      this.#request.signal.throwIfAborted();
      const outcome: CheckOutcome =
        lost === undefined ? await this.#outcome(chosen, facts) : { status: "unknown", reason: lost, right: undefined };
      if (outcome.status === "unknown" && outcome.isLost) {
        lost = outcome.reason;
        this.isLost = true;
      }
      this.#add({ ...chosen, database, outcome });
    }
  }

  /** Opens `place` and runs the checks of one scope there; unknown when it cannot be entered. */
  async enter(scope: Check["scope"], place: Place): Promise<void> {
    if (this.#of(scope).length === 0) return;
    if (place.isClosed) {
      // As long as nobody can enter it, nothing in it is open to anybody: no check is unknown for its sake.
      this.unreachable.set(place.name, { database: place.name, reason: "it takes no connections" });
      return;
    }
    if (!place.may) {
      this.#addClosed(scope, place.name);
      return;
    }
    try {
      const { session: opened } = await enterSession(this.#request.open, place.name);
      await using session = opened;
      await this.check(scope, this.#facts.in(session), place.name);
    } catch (error) {
      this.#request.signal.throwIfAborted();
      if (!(error instanceof PgkeepError) && !(error instanceof ServerError)) throw error;
      const reason = `the database could not be entered: ${tameLine(error.message)}`;
      this.unreachable.set(place.name, { database: place.name, reason });
      const outcome: CheckOutcome = { status: "unknown", reason, right: undefined };
      for (const chosen of this.#of(scope)) this.#add({ ...chosen, database: place.name, outcome });
    }
  }

  #addClosed(scope: Check["scope"], database: string): void {
    const right = `connect on database ${ident(database)}`;
    const grant = `grant ${right} to ${ident(this.#facts.user)}`;
    const reason = "this role may not connect to it";
    this.unreachable.set(database, { database, reason, grant });
    const opening = { right, grant: [grant] };
    const outcome: CheckOutcome = { status: "unknown", reason, right: undefined, opening };
    for (const chosen of this.#of(scope)) this.#add({ ...chosen, database, outcome });
  }

  #of(scope: Check["scope"]): readonly ChosenCheck[] {
    return this.#request.checks.filter(({ check }) => check.scope === scope);
  }

  async #outcome({ check }: ChosenCheck, facts: Facts): Promise<CheckOutcome> {
    try {
      return believed(await runCheck(check, facts), this.#facts.server());
    } catch (error) {
      this.#request.signal.throwIfAborted();
      if (!(error instanceof PgkeepError)) throw error;
      const message = tameLine(error.message);
      if (!error.code.startsWith("CONNECT_")) return { status: "unknown", reason: message, right: undefined };
      return { status: "unknown", reason: `the connection was lost: ${message}`, right: undefined, isLost: true };
    }
  }

  #add(result: CheckResult): void {
    this.results.push(result);
    this.#request.onResult?.(result);
  }
}

/** A pass on a server that the checks were never tried on says nothing. */
function believed(outcome: CheckOutcome, { major }: ServerIdentity): CheckOutcome {
  if (outcome.status !== "pass" || major >= FIRST_MAJOR) return outcome;
  return { status: "unknown", reason: `the check was never proved on PostgreSQL ${major}`, right: undefined };
}
