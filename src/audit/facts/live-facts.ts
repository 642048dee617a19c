/**
 * Facts of a live server, from one session at a time.
 *
 * What belongs to the cluster is asked in the first database and kept; what belongs to a database is asked through the
 * session at hand. A failed question is remembered as well: the next check gets the same answer without asking again.
 */
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import { ServerError, type Session, type TextRow } from "../../pg/session.ts";
import { NotApplicable, Unanswered } from "../answers.ts";
import type { VersionTable } from "../data/version-table.ts";
import { VERSION_TABLE } from "../data/versions.ts";
import type { HbaFacts } from "../hba/hba.ts";
import type { IdentFacts } from "../hba/ident.ts";
import type { Profile } from "../ratings.ts";
import { RIGHT_NAMES, type RightName, rightOf } from "../rights.ts";
import { DATABASES, MEMBERS, ROLES, RoleFacts } from "../roles.ts";
import type { Declarations, Drift } from "./declarations.ts";
import type { Facts, ServerIdentity } from "./facts.ts";
import type { HostFacts } from "./host.ts";
import type { LineFacts } from "./line.ts";
import type { ProbeFacts } from "./probe.ts";
import { readHba, readIdent } from "./read-hba.ts";
import { Settings } from "./settings.ts";

/** What a run brings along besides its session. Absent means: this run does not look there. */
export interface Surroundings {
  now: Date;
  profile?: Profile | undefined;
  declared: Declarations;
  line: LineFacts;
  /** Default: the table that is shipped. */
  versions?: VersionTable | undefined;
  /** Rows of ALL_SETTINGS from before the session's own settings, of one session or more. */
  settings: readonly (readonly TextRow[])[];
  probe?: (() => Promise<ProbeFacts>) | undefined;
  host?: HostFacts | undefined;
  drift?: (() => Promise<readonly Drift[]>) | undefined;
}

const IDENTITY = `
  select pg_catalog.current_setting('server_version') as version,
         pg_catalog.pg_is_in_recovery() as standby,
         case when exists (select from pg_catalog.pg_roles as r where r.rolname = 'rds_superuser') then 'rds'
              when exists (select from pg_catalog.pg_roles as r where r.rolname = 'cloudsqlsuperuser') then 'cloud-sql'
              when exists (select from pg_catalog.pg_roles as r where r.rolname = 'azure_pg_admin') then 'azure'
         end as provider`;

/** Facts about the cluster of `session`, and about its database. */
export class LiveFacts implements Facts {
  readonly #session: Session;
  readonly #surroundings: Surroundings;
  readonly #shared: Map<string, Promise<unknown>>;
  readonly #rights: ReadonlySet<RightName>;
  readonly #identity: ServerIdentity;

  private constructor(session: Session, surroundings: Surroundings, parts: SharedParts) {
    this.#session = session;
    this.#surroundings = surroundings;
    this.#shared = parts.shared;
    this.#rights = parts.rights;
    this.#identity = parts.identity;
  }

  /** Asks who we are and what we may, in two statements. */
  static async of(session: Session, surroundings: Surroundings): Promise<LiveFacts> {
    const major = Math.trunc(session.serverVersion / 10_000);
    const [identity] = await session.query(IDENTITY);
    const rights = await rightsOf(session, major);
    if (surroundings.probe !== undefined) rights.add("network");
    if (surroundings.host !== undefined) rights.add("host");
    return new LiveFacts(session, surroundings, {
      rights,
      shared: new Map(),
      identity: {
        versionNumber: session.serverVersion,
        major,
        version: identity?.version ?? "",
        isStandby: identity?.standby === "t",
        provider: providerOf(identity?.provider),
      },
    });
  }

  /** The same cluster, seen from another database. */
  in(session: Session): LiveFacts {
    const { identity, rights, shared } = { identity: this.#identity, rights: this.#rights, shared: this.#shared };
    return new LiveFacts(session, this.#surroundings, { identity, rights, shared });
  }

  get database(): string {
    return this.#session.target.database;
  }

  /** As whom the session works. */
  get user(): string {
    return this.#session.target.user;
  }

  get now(): Date {
    return this.#surroundings.now;
  }

  get versions(): VersionTable {
    return this.#surroundings.versions ?? VERSION_TABLE;
  }

  get profile(): Profile | undefined {
    return this.#surroundings.profile;
  }

  get declared(): Declarations {
    return this.#surroundings.declared;
  }

  server(): ServerIdentity {
    return this.#identity;
  }

  has(right: RightName): boolean {
    return this.#rights.has(right);
  }

  require(right: RightName): void {
    if (!this.has(right)) throw new Unanswered(`it needs ${rightOf(right).name}`, right);
  }

  async query(sql: string): Promise<readonly TextRow[]> {
    try {
      return await this.#session.query(sql);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      const reason = tameLine(error.message);
      // The server's last words: it answers nothing more in this session.
      if (isFatal(error)) throw new PgkeepError("CONNECT_LOST", reason);
      throw new Unanswered(`the server refused: ${reason}`);
    }
  }

  settings(): Promise<Settings> {
    return this.#once("settings", async () => {
      const seesHidden = this.has("pg_read_all_settings");
      return Settings.fromServer({ views: this.#surroundings.settings, seesHidden });
    });
  }

  roles(): Promise<RoleFacts> {
    return this.#once("roles", async () => {
      const roles = await this.query(ROLES);
      const members = await this.query(MEMBERS);
      return new RoleFacts({ roles, members, databases: await this.query(DATABASES) });
    });
  }

  hba(): Promise<HbaFacts> {
    return this.#once("hba", () => readHba(this));
  }

  ident(): Promise<IdentFacts> {
    return this.#once("ident", () => readIdent(this));
  }

  line(): LineFacts {
    return this.#surroundings.line;
  }

  async probe(): Promise<ProbeFacts> {
    const { probe } = this.#surroundings;
    if (probe === undefined) throw new Unanswered("it needs live probes", "network");
    return await this.#once("probe", probe);
  }

  async host(): Promise<HostFacts> {
    this.require("host");
    const { host } = this.#surroundings;
    if (host === undefined) throw new Unanswered("it needs the server's host", "host");
    return host;
  }

  async drift(): Promise<readonly Drift[]> {
    const { drift } = this.#surroundings;
    if (drift === undefined) throw new NotApplicable("no access model was given");
    return await this.#once("drift", drift);
  }

  #once<Fact>(name: string, ask: () => Promise<Fact>): Promise<Fact> {
    const known = this.#shared.get(name);
    // Each name is asked with one type only, in this class.
    if (known !== undefined) return known as Promise<Fact>;
    const asked = ask();
    asked.catch(() => {});
    this.#shared.set(name, asked);
    return asked;
  }
}

const isFatal = ({ severity }: ServerError): boolean => severity === "FATAL" || severity === "PANIC";

interface SharedParts {
  shared: Map<string, Promise<unknown>>;
  rights: ReadonlySet<RightName>;
  identity: ServerIdentity;
}

async function rightsOf(session: Session, major: number): Promise<Set<RightName>> {
  const asked = RIGHT_NAMES.flatMap((name) => {
    const { question, since = 0 } = rightOf(name);
    return question === undefined || major < since ? [] : [{ name, question }];
  });
  const columns = asked.map(({ name, question }) => `(${question}) as ${name}`);
  const [row] = await session.query(`select ${columns.join(",\n       ")}`);
  return new Set(asked.filter(({ name }) => row?.[name] === "t").map(({ name }) => name));
}

function providerOf(text: string | null | undefined): ServerIdentity["provider"] {
  return text === "rds" || text === "cloud-sql" || text === "azure" ? text : undefined;
}
