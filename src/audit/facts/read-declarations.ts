/**
 * The block `audit:` of pgkeep.yaml as a run uses it: what to judge by, and what the operators told.
 *
 * Types, keys and ranges are the file reader's to check (config/audit-keys.ts); relative paths start from the file's
 * directory, so that a declaration means the same wherever the command is run.
 */
import { dirname, isAbsolute, resolve } from "node:path";
import type { AuditBlock } from "../../config/settings.ts";
import { PROFILES, type Profile, SEVERITIES, type Severity } from "../ratings.ts";
import type { Declarations } from "./declarations.ts";

export interface AuditConfig {
  declared: Declarations;
  profile: Profile | undefined;
  failOn: Severity | undefined;
  /** Absolute, like every path here. */
  waivers: string | undefined;
  model: string | undefined;
  /** A table of versions in place of the shipped one. */
  versions: string | undefined;
}

/** What pgkeep.yaml says about audits; nothing of it is required. */
export function readAuditConfig({ entries, file }: AuditBlock): AuditConfig {
  const block = new Block(entries, file === undefined ? undefined : dirname(file));
  return {
    declared: {
      backup: block.text("backup"),
      backupDirectories: block.paths("backup_directories"),
      logShipping: block.text("log_shipping"),
      separations: block.pairs("separations"),
      sensitive: block.list("sensitive"),
      deployRoles: block.list("deploy_roles"),
      extensions: block.list("extensions"),
      wideNetworks: block.wideNetworks(),
      certificateDays: block.number("certificate_days"),
      projects: block.paths("projects"),
    },
    profile: PROFILES.find((name) => name === block.text("profile")),
    failOn: SEVERITIES.find((name) => name === block.text("fail_on")),
    waivers: block.path("waivers"),
    model: block.path("model"),
    versions: block.path("versions"),
  };
}

class Block {
  readonly #entries: AuditBlock["entries"];
  readonly #directory: string | undefined;

  constructor(entries: AuditBlock["entries"], directory: string | undefined) {
    this.#entries = entries;
    this.#directory = directory;
  }

  text(...path: string[]): string | undefined {
    return this.#entries.find((entry) => entry.path.join("\0") === path.join("\0"))?.value;
  }

  number(...path: string[]): number | undefined {
    const text = this.text(...path);
    return text === undefined ? undefined : Number(text);
  }

  path(key: string): string | undefined {
    const text = this.text(key);
    return text === undefined ? undefined : this.#absolute(text);
  }

  list(key: string): readonly string[] | undefined {
    const items = this.#entries.filter(({ path }) => path[0] === key).map(({ value }) => value);
    return items.length === 0 ? undefined : items;
  }

  paths(key: string): readonly string[] | undefined {
    return this.list(key)?.map((path) => this.#absolute(path));
  }

  pairs(key: string): readonly (readonly [string, string])[] | undefined {
    const first = this.#entries.filter(({ path }) => path[0] === key && path[2] === "0");
    if (first.length === 0) return undefined;
    return first.map(({ path: [, index = ""], value }) => [value, this.text(key, index, "1") ?? ""] as const);
  }

  wideNetworks(): Declarations["wideNetworks"] {
    const [ipv4, ipv6] = [this.number("wide_networks", "ipv4"), this.number("wide_networks", "ipv6")];
    return ipv4 === undefined && ipv6 === undefined ? undefined : { ipv4, ipv6 };
  }

  #absolute(path: string): string {
    return isAbsolute(path) || this.#directory === undefined ? path : resolve(this.#directory, path);
  }
}
