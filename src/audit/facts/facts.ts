/**
 * What a run knows about a server, each thing asked for once and only when a check wants it.
 *
 * A fact that cannot be had throws Unanswered, again for every check that asks. Facts about the cluster are shared by the
 * databases of a run; `query` and `database` belong to the database at hand.
 */
import type { TextRow } from "../../pg/session.ts";
import type { VersionTable } from "../data/version-table.ts";
import type { HbaFacts } from "../hba/hba.ts";
import type { IdentFacts } from "../hba/ident.ts";
import type { Profile } from "../ratings.ts";
import type { RightName } from "../rights.ts";
import type { RoleFacts } from "../roles.ts";
import type { Declarations, Drift } from "./declarations.ts";
import type { HostFacts } from "./host.ts";
import type { LineFacts } from "./line.ts";
import type { ProbeFacts } from "./probe.ts";
import type { Settings } from "./settings.ts";

/** The server that is audited. */
export interface ServerIdentity {
  /** server_version_num. */
  versionNumber: number;
  major: number;
  /** "17.6 (Debian 17.6-1)". */
  version: string;
  isStandby: boolean;
  /** The managed service that runs it; undefined: nobody or unknown. */
  provider: "rds" | "cloud-sql" | "azure" | undefined;
}

export interface Facts {
  /** Throws Unanswered in a run without a server. */
  server(): ServerIdentity;
  /** Name of the database that `query` asks; empty in a run without a server. */
  readonly database: string;
  /** The moment of the run. */
  readonly now: Date;
  /** What the run is held against, for checks that look further under some; undefined: "default". */
  readonly profile?: Profile | undefined;
  /** Which releases there are, and what they repaired. */
  readonly versions: VersionTable;
  /** What the operator told about host, network, backups and applications. */
  readonly declared: Declarations;
  /** Whether this run has the right. */
  has(right: RightName): boolean;
  /** Throws Unanswered without it. */
  require(right: RightName): void;
  /** Rows of one catalog query. Throws Unanswered with the server's reason when it refuses. */
  query(sql: string): Promise<readonly TextRow[]>;
  settings(): Promise<Settings>;
  /** Roles and memberships, for what cannot be asked in SQL. */
  roles(): Promise<RoleFacts>;
  /** Rules of pg_hba.conf: the file's when it can be read, else as the server parsed it. */
  hba(): Promise<HbaFacts>;
  /** Maps of pg_ident.conf. */
  ident(): Promise<IdentFacts>;
  /** The connection of this run: transport, certificate, what the server asked for. */
  line(): LineFacts;
  /** What the server answers to strangers. Needs the right "network". */
  probe(): Promise<ProbeFacts>;
  /** Files and processes of the server's machine. Needs the right "host". */
  host(): Promise<HostFacts>;
  /** Differences between the database and its access model. Throws NotApplicable without a model. */
  drift(): Promise<readonly Drift[]>;
}
