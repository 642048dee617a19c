/**
 * What each statement needs, whether this executor has it, and what is borrowed when not.
 *
 * Four ways to act with another role's rights, in this order: being a superuser, inheriting from it, SET ROLE, and, with
 * ADMIN on the role, granting it to oneself until the end of the run. Which of them PostgreSQL accepts where depends on
 * the version: up to 15 CREATEROLE is ADMIN on every role but superusers, from 16 only on those that one made or was
 * given. When none fits, the statement is blocked and says who could run it.
 */
import { ident } from "../../pg/identifiers.ts";
import type { Membership, Role } from "../catalog/snapshot.ts";
import { DATABASE_OWNER_ROLE } from "../effective/closures.ts";
import { PUBLIC } from "../privileges/acl.ts";
import { privilegeSet } from "../privileges/privilege.ts";
import { type DraftBook, NO_DIFFERENCES, STEP, type Way } from "./draft.ts";
import type { PlanFacts } from "./facts.ts";
import { roleText } from "./naming.ts";

export type RoleAttribute =
  | "superuser"
  | "createRole"
  | "createDatabase"
  | "replication"
  | "bypassRowSecurity"
  | "login"
  | "inherit"
  | "connectionLimit"
  | "validUntil";

/** Parameters that only superusers, or from 15 who was granted SET on them, may set for a role or database. */
const SUPERUSER_PARAMETERS = new Set([
  "allow_in_place_tablespaces",
  "allow_system_table_mods",
  "backtrace_functions",
  "commit_delay",
  "compute_query_id",
  "deadlock_timeout",
  "debug_discard_caches",
  "dynamic_library_path",
  "event_triggers",
  "extension_control_path",
  "ignore_checksum_failure",
  "jit_dump_bitcode",
  "lc_messages",
  "lo_compat_privileges",
  "log_duration",
  "log_error_verbosity",
  "log_executor_stats",
  "log_lock_failures",
  "log_lock_waits",
  "log_min_duration_sample",
  "log_min_duration_statement",
  "log_min_error_statement",
  "log_min_messages",
  "log_parameter_max_length",
  "log_parser_stats",
  "log_planner_stats",
  "log_replication_commands",
  "log_statement",
  "log_statement_sample_rate",
  "log_statement_stats",
  "log_temp_files",
  "log_transaction_sample_rate",
  "max_stack_depth",
  "pg_stat_statements.track",
  "session_preload_libraries",
  "session_replication_role",
  "temp_file_limit",
  "track_activities",
  "track_counts",
  "track_functions",
  "track_io_timing",
  "track_wal_io_timing",
  "update_process_title",
  "wal_compression",
  "wal_consistency_checking",
  "wal_init_zero",
  "wal_recycle",
  "zero_damaged_pages",
]);

const open = (requires: string, as?: string): Way => ({ isOpen: true, as, requires });
const closed = (needs: string): Way => ({ isOpen: false, needs });

export class Rights {
  readonly #facts: PlanFacts;
  readonly #book: DraftBook;
  readonly #borrowed = new Set<string>();
  readonly #ways = new Map<string, Way>();
  /** Owner of the database once the plan's step for it is done. */
  databaseOwner: string | undefined;

  constructor(facts: PlanFacts, book: DraftBook) {
    this.#facts = facts;
    this.#book = book;
    this.databaseOwner = facts.snapshot.objects.database.find(({ oid }) => oid === facts.snapshot.databaseOid)?.owner;
  }

  get executor(): string {
    return this.#facts.snapshot.executor.currentUser;
  }

  get isSuperuser(): boolean {
    return this.#facts.snapshot.executor.superuser;
  }

  get #self(): Role | undefined {
    return this.#facts.existing(this.executor);
  }

  /** To act with all rights of `role`: to grant on what it owns, to change its default privileges. */
  privilegesOf(role: string): Way {
    let way = this.#ways.get(role);
    if (!way) {
      way = this.#privilegesOf(role);
      this.#ways.set(role, way);
    }
    return way;
  }

  #privilegesOf(role: string): Way {
    if (role === DATABASE_OWNER_ROLE && this.databaseOwner !== undefined) return this.privilegesOf(this.databaseOwner);
    const what = `privileges of ${roleText(role)}`;
    if (this.isSuperuser) return open(`${what} (you are a superuser)`);
    const { closures, snapshot } = this.#facts;
    if (closures.inherited(this.executor).has(role)) return open(`${what} (you have them)`);
    const mayBecome = closures.becomes(snapshot.executor.sessionUser).has(role);
    if (mayBecome) return open(`${what} (by SET ROLE)`, role);
    if (!this.#canBorrow(role)) return closed(this.#whoElse(role));
    this.#borrow(role);
    // Up to 15 a member that does not inherit has a role's rights only by becoming it.
    const inherits = this.#facts.major >= 16 || this.#self?.inherit === true;
    return open(`${what} (borrowed until the end of the run)`, inherits ? undefined : role);
  }

  /** To be exactly `role`: only then does REVOKE take away what that role granted. */
  become(role: string): Way {
    const what = `being ${roleText(role)}`;
    const { closures, snapshot } = this.#facts;
    if (this.isSuperuser) return open(`${what} (you are a superuser)`, role);
    if (role === this.executor) return open(`${what} (you are)`);
    if (closures.becomes(snapshot.executor.sessionUser).has(role)) return open(`${what} (by SET ROLE)`, role);
    if (snapshot.executor.sessionUser !== this.executor || !this.#canBorrow(role)) return closed(this.#whoElse(role));
    this.#borrow(role);
    return open(`${what} (borrowed until the end of the run)`, role);
  }

  /** To give what `from` owns to `to`. */
  transfer(from: string, to: string): Way {
    const what = `ownership as ${roleText(from)} with SET ROLE to ${roleText(to)}`;
    if (this.isSuperuser) return open(`${what} (you are a superuser)`);
    const owning = this.privilegesOf(from);
    if (!owning.isOpen) return owning;
    const actor = owning.as ?? this.executor;
    if (this.#facts.closures.becomes(actor).has(to)) return open(`${what} (you may)`, owning.as);
    if (owning.as !== undefined || !this.#canBorrow(to)) return closed(this.#whoElse(to));
    this.#borrow(to);
    return open(`${what} (borrowed until the end of the run)`);
  }

  createRole(attributes: ReadonlySet<RoleAttribute>): Way {
    if (this.isSuperuser) return open("CREATEROLE (you are a superuser)");
    if (!this.#self?.createRole) return closed("a role with CREATEROLE");
    const lacking = this.#attributeLacking(attributes, this.#facts.major >= 16);
    return lacking ?? open("CREATEROLE (you have it)");
  }

  /** To change attributes, comment, password or settings of an existing role. */
  alterRole(name: string, attributes: ReadonlySet<RoleAttribute> = new Set()): Way {
    const what = this.#facts.major >= 16 ? `CREATEROLE and ADMIN on ${roleText(name)}` : "CREATEROLE";
    if (this.isSuperuser) return open(`${what} (you are a superuser)`);
    if (this.#facts.existing(name)?.superuser) return closed("a superuser");
    if (!this.#self?.createRole) return closed(`a role with ${what}`);
    if (this.#facts.major >= 16 && !this.hasAdmin(name)) return closed(`a role with ${what}`);
    return this.#attributeLacking(attributes, this.#facts.major >= 16) ?? open(`${what} (you have it)`);
  }

  /** As alterRole, and everybody may change these of itself. */
  alterOwnKind(name: string): Way {
    return name === this.executor ? open("being that role (you are)") : this.alterRole(name);
  }

  #attributeLacking(attributes: ReadonlySet<RoleAttribute>, needsOwn: boolean): Way | undefined {
    if (attributes.has("superuser")) return closed("a superuser");
    for (const attribute of ["replication", "bypassRowSecurity"] as const) {
      if (!attributes.has(attribute)) continue;
      if (!needsOwn) return closed("a superuser");
      if (!this.#self?.[attribute])
        return closed(`a role with ${attribute === "replication" ? "REPLICATION" : "BYPASSRLS"}`);
    }
    if (needsOwn && attributes.has("createDatabase") && !this.#self?.createDatabase)
      return closed("a role with CREATEDB");
    return undefined;
  }

  /** To make somebody a member of `role`. */
  grantRole(role: string): Way {
    const what = `ADMIN on ${roleText(role)}`;
    if (this.isSuperuser) return open(`${what} (you are a superuser)`);
    if (this.#facts.existing(role)?.superuser) return closed("a superuser");
    return this.hasAdmin(role) ? open(`${what} (you have it)`) : closed(`a superuser or a role with ${what}`);
  }

  /** From 16 on a membership is taken away by who granted it. */
  revokeRole(row: Membership): Way {
    if (!this.#facts.isAddressable(row.grantor)) return closed("a superuser; the grantor's name is not text here");
    if (this.isSuperuser) return open("superuser (you are one)");
    if (this.#facts.major < 16) return this.grantRole(row.role);
    const what = `privileges of ${roleText(row.grantor)}, who granted it`;
    const mayAct = this.#facts.closures.inherited(this.executor).has(row.grantor);
    return mayAct ? open(`${what} (you have them)`) : closed(`a superuser or ${roleText(row.grantor)}, who granted it`);
  }

  createDatabase(): Way {
    if (this.isSuperuser || this.#self?.createDatabase) return open("CREATEDB (you have it)");
    return closed("a role with CREATEDB");
  }

  /** To be the owner of the database that the plan is for. */
  ownDatabase(): Way {
    return this.databaseOwner === undefined ? closed("the database's owner") : this.privilegesOf(this.databaseOwner);
  }

  /** To make a schema of one's own; CREATE on the database is looked at, and lent, where the schema is planned. */
  ownDatabaseOrCreate(): Way {
    return open("CREATE on the database");
  }

  /** To store a setting. */
  setParameter(name: string, way: Way): Way {
    if (this.isSuperuser || !way.isOpen || !SUPERUSER_PARAMETERS.has(name)) return way;
    const grant = this.#facts.snapshot.objects.parameter.find((each) => each.name === name);
    const inherited = this.#facts.closures.inherited(this.executor);
    const has = grant?.acl?.some(
      ({ grantee, privileges }) =>
        (grantee === PUBLIC || inherited.has(grantee)) && (privileges & privilegeSet(["set"])) !== 0,
    );
    return has ? way : closed(this.#facts.major >= 15 ? `a superuser or a role with SET on ${name}` : "a superuser");
  }

  /** Whether the executor may grant `role` away, to itself for one. */
  hasAdmin(role: string): boolean {
    const { closures, major } = this.#facts;
    const existing = this.#facts.existing(role);
    if (!existing) return this.#self?.createRole === true;
    if (existing.superuser) return false;
    if (major < 16 && this.#self?.createRole) return true;
    const chain = major >= 16 ? closures.inherited(this.executor) : closures.becomes(this.executor);
    return closures.edgesTo(role).some(({ admin, member }) => admin && chain.has(member));
  }

  #canBorrow(role: string): boolean {
    if (role === DATABASE_OWNER_ROLE || !this.hasAdmin(role)) return false;
    // A member of the executor's own cannot have the executor as its member.
    return !this.#isMember(role, this.executor);
  }

  #isMember(member: string, role: string): boolean {
    const seen = new Set([member]);
    const planned = this.#facts.model.memberships;
    for (const at of seen) {
      for (const edge of this.#facts.closures.edgesFrom(at)) seen.add(edge.role);
      for (const edge of planned) if (edge.member === at) seen.add(edge.role);
    }
    return seen.has(role);
  }

  /** Makes the executor a member for the run. What it was granted by itself before comes back afterwards. */
  #borrow(role: string): void {
    if (this.#borrowed.has(role)) return;
    this.#borrowed.add(role);
    const { sql, back } = this.#loanOf(role);
    const common = {
      kind: "temporary" as const,
      object: roleText(role),
      role: this.executor,
      requires: `ADMIN on ${roleText(role)} (you have it)`,
      touches: [{ about: "memberships" as const, role }],
      differences: NO_DIFFERENCES,
    };
    this.#book.add({
      ...common,
      step: STEP.memberships,
      rank: 900,
      sql,
      reason: "the run needs this role's rights; taken back at its end",
      inverse: back,
    });
    // DROP ROLE takes the membership along.
    if (this.#facts.isRetiring(role)) return;
    const reason = "takes back what the run borrowed";
    this.#book.add({ ...common, step: STEP.cleanUp, sql: back, reason, inverse: undefined });
  }

  /** The statement that borrows the role, and the one that leaves the membership as it was. */
  #loanOf(role: string): { sql: string; back: string } {
    const { major, snapshot } = this.#facts;
    const grant = `grant ${ident(role)} to ${ident(this.executor)}`;
    const revoke = `revoke ${ident(role)} from ${ident(this.executor)}`;
    if (major < 16) return { sql: grant, back: revoke };
    const own = snapshot.memberships.find(
      (row) => row.role === role && row.member === this.executor && row.grantor === this.executor,
    );
    return {
      sql: `${grant} with inherit true, set true`,
      back: own ? `${grant} with inherit ${own.inherit}, set ${own.set}` : revoke,
    };
  }

  #whoElse(role: string): string {
    if (this.#facts.existing(role)?.superuser) return "a superuser";
    return `a superuser, ${roleText(role)}, or a role with ADMIN on it`;
  }
}
