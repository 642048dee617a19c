/**
 * Facts of an audit that has configuration files and no server.
 *
 * What the files say is judged as a server's own values would be; everything that only a server knows is Unanswered, so a
 * check that needs roles, sessions or a catalog ends as unknown. A setting that the file leaves out has its built-in
 * default where all supported majors, or the one that was named, agree on it.
 */
import { posix, resolve } from "node:path";
import type { TextRow } from "../../pg/session.ts";
import { NotApplicable, Unanswered } from "../answers.ts";
import type { VersionTable } from "../data/version-table.ts";
import { VERSION_TABLE } from "../data/versions.ts";
import { type ConfSource, readConfLines } from "../hba/conf-files.ts";
import type { HbaFacts } from "../hba/hba.ts";
import type { IdentFacts } from "../hba/ident.ts";
import { parseEntries } from "../hba/ident-entries.ts";
import { localFiles } from "../hba/local-files.ts";
import { parseRules, sorted } from "../hba/rules.ts";
import type { Profile } from "../ratings.ts";
import type { RightName } from "../rights.ts";
import { type ConfValue, normalized, readConf } from "./conf-file.ts";
import type { Declarations } from "./declarations.ts";
import type { Facts, ServerIdentity } from "./facts.ts";
import { allKinds, kindOfSetting, type SettingKind } from "./setting-kinds.ts";
import { type Setting, Settings } from "./settings.ts";

/** What an audit of files is made from. Paths may be relative to the working directory. */
export interface OfflineSources {
  hba?: string | undefined;
  ident?: string | undefined;
  conf?: string | undefined;
  now: Date;
  declared: Declarations;
  /** Default: the table that pgkeep ships. */
  versions?: VersionTable | undefined;
  profile?: Profile | undefined;
  /** "16" or "16.4": the server that the files are for. Without it they are read as the newest major reads them. */
  version?: string | undefined;
  /** Default: files of this machine. */
  files?: ConfSource | undefined;
}

/** 18: the newest major whose files we know. */
const NEWEST_MAJOR = 18;
const MAJORS = [14, 15, 16, 17, 18] as const;

/** Why a question has no answer here. */
export const NO_SERVER = "no server in this run";

/** Facts from files alone. Nothing is read before a check asks. */
export function offlineFacts(sources: OfflineSources): Facts {
  return new OfflineFacts(sources);
}

class OfflineFacts implements Facts {
  readonly database = "";
  readonly now: Date;
  readonly declared: Declarations;
  readonly versions: VersionTable;
  readonly profile: Profile | undefined;
  readonly #sources: OfflineSources;
  readonly #files: ConfSource;
  readonly #identity: ServerIdentity | undefined;
  readonly #asked = new Map<string, Promise<unknown>>();

  constructor(sources: OfflineSources) {
    this.#sources = sources;
    this.#files = sources.files ?? localFiles;
    this.#identity = identityOf(sources.version);
    this.now = sources.now;
    this.declared = sources.declared;
    this.versions = sources.versions ?? VERSION_TABLE;
    this.profile = sources.profile;
  }

  server(): ServerIdentity {
    if (this.#identity === undefined) throw new Unanswered(NO_SERVER);
    return this.#identity;
  }

  /** A file shows everything that it holds. */
  has(right: RightName): boolean {
    const { hba, ident, conf } = this.#sources;
    if (right === "hba") return hba !== undefined;
    if (right === "ident") return ident !== undefined;
    return (right === "pg_read_all_settings" || right === "file_settings") && conf !== undefined;
  }

  require(right: RightName): void {
    if (!this.has(right)) throw new Unanswered(NO_SERVER, right);
  }

  async query(): Promise<readonly TextRow[]> {
    throw new Unanswered(NO_SERVER);
  }

  settings(): Promise<Settings> {
    return this.#once("settings", async () => {
      const { conf } = this.#sources;
      if (conf === undefined) throw new Unanswered(`${NO_SERVER}, and no postgresql.conf`);
      return OfflineSettings.of(await readConf(resolve(conf), this.#files), this.#identity?.major);
    });
  }

  async roles(): Promise<never> {
    throw new Unanswered(NO_SERVER);
  }

  hba(): Promise<HbaFacts> {
    return this.#once("hba", async () => {
      const lines = await this.#linesOf(this.#sources.hba, "pg_hba.conf");
      return { ...sorted(parseRules(lines, this.#major)), isExact: true, changedAt: undefined, loadedAt: undefined };
    });
  }

  ident(): Promise<IdentFacts> {
    return this.#once("ident", async () =>
      parseEntries(await this.#linesOf(this.#sources.ident, "pg_ident.conf"), this.#major),
    );
  }

  line(): never {
    throw new Unanswered(NO_SERVER);
  }

  async probe(): Promise<never> {
    throw new Unanswered(NO_SERVER, "network");
  }

  async host(): Promise<never> {
    throw new Unanswered(NO_SERVER, "host");
  }

  async drift(): Promise<never> {
    throw new NotApplicable("no access model was given");
  }

  get #major(): number {
    return this.#identity?.major ?? NEWEST_MAJOR;
  }

  async #linesOf(path: string | undefined, what: string) {
    if (path === undefined) throw new Unanswered(`${NO_SERVER}, and no ${what}`);
    return await readConfLines(resolve(path), this.#files, this.#major);
  }

  #once<Fact>(name: string, ask: () => Promise<Fact>): Promise<Fact> {
    const known = this.#asked.get(name);
    // Each name is asked with one type only, in this class.
    if (known !== undefined) return known as Promise<Fact>;
    const asked = ask();
    asked.catch(() => {});
    this.#asked.set(name, asked);
    return asked;
  }
}

/** Whether files can be judged as those of such a server. */
export function isKnownVersion(version: string): boolean {
  const identity = identityOf(version);
  return identity !== undefined && MAJORS.some((major) => major === identity.major);
}

function identityOf(version: string | undefined): ServerIdentity | undefined {
  const match = /^(\d{2})(?:\.(\d{1,3}))?$/.exec(version ?? "");
  if (match === null || version === undefined) return undefined;
  const [major, minor] = [Number(match[1]), Number(match[2] ?? 0)];
  return { versionNumber: major * 10_000 + minor, major, version, isStandby: false, provider: undefined };
}

/** Settings of a file; what neither the file nor the built-in defaults tell is unknown, and not absent. */
class OfflineSettings extends Settings {
  readonly #unknown: ReadonlyMap<string, string>;
  readonly #major: number | undefined;

  private constructor(known: ReadonlyMap<string, Setting>, unknown: ReadonlyMap<string, string>, major?: number) {
    super(known);
    this.#unknown = unknown;
    this.#major = major;
  }

  static of(values: ReadonlyMap<string, ConfValue>, major: number | undefined): OfflineSettings {
    const known = new Map<string, Setting>();
    const unknown = new Map<string, string>();
    for (const kind of allKinds().values()) {
      const value = defaultOf(kind, major);
      if (value !== undefined) known.set(kind.name, settingOf(kind.name, value));
    }
    for (const line of values.values()) {
      const kind = kindOfSetting(line.name);
      const name = kind?.name ?? line.name;
      const value = kind === undefined ? line.value : normalized(kind, line.value);
      const place = { file: line.file, line: line.line };
      known.delete(name);
      if (value !== undefined) known.set(name, { ...settingOf(name, value), source: "configuration file", place });
      else unknown.set(name, `line ${line.line} of ${posix.basename(line.file)} gives ${name} no value that we know`);
    }
    return new OfflineSettings(known, unknown, major);
  }

  override get(name: string): Setting {
    const reason = this.#unknown.get(name);
    if (reason !== undefined) throw new Unanswered(reason);
    const kind = kindOfSetting(name);
    const isThere = kind === undefined || this.#major === undefined || covers(kind, this.#major);
    try {
      return super.get(name);
    } catch (error) {
      if (error instanceof NotApplicable && isThere) throw new Unanswered(`${NO_SERVER} to ask for its ${name}`);
      throw error;
    }
  }
}

const covers = ({ since, until }: SettingKind, major: number): boolean => since <= major && major <= until;

/** The default that the named major has, or that all have; undefined: unknown. */
function defaultOf(kind: SettingKind, major: number | undefined): string | undefined {
  if (major !== undefined) return covers(kind, major) ? kind.defaultOf(major) : undefined;
  if (!MAJORS.every((each) => covers(kind, each))) return undefined;
  const defaults = new Set(MAJORS.map((each) => kind.defaultOf(each)));
  return defaults.size === 1 ? [...defaults][0] : undefined;
}

function settingOf(name: string, value: string): Setting {
  return { name, value, context: undefined, source: "default", place: undefined, isPending: false };
}
