/**
 * Our reading of pg_hba.conf and pg_ident.conf against that of the servers: the same rules, and the same lines refused for
 * the same reasons, of ordinary files and of what nobody should write.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConfLines } from "../../../../src/audit/hba/conf-files.ts";
import type { HbaProblem, HbaRule } from "../../../../src/audit/hba/hba.ts";
import { parseEntries } from "../../../../src/audit/hba/ident-entries.ts";
import { localFiles } from "../../../../src/audit/hba/local-files.ts";
import { parseRules } from "../../../../src/audit/hba/rules.ts";
import {
  entriesOfView,
  entriesQuery,
  reconciled,
  rulesOfView,
  rulesQuery,
} from "../../../../src/audit/hba/server-view.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { availableMajors, type Major, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { GARBAGE, HBA_FIXTURES, type HbaFixture, IDENT_FIXTURES } from "./fixtures.ts";

describe.each(availableMajors())("PostgreSQL %i", (major) => {
  const lab = new FileLab(major);
  beforeAll(() => lab.start());
  afterAll(() => lab.stop());

  it.each(HBA_FIXTURES)("reads as we do: $name", async (fixture) => {
    const { ours, theirs } = await lab.readRules(fixture);
    expect(comparable(ours)).toEqual(comparable(theirs));
    expect(reconciled(ours, theirs)).toBeDefined();
  });

  it("reads as we do: 150 files of random bytes and words", async () => {
    for (const fixture of GARBAGE) {
      const { ours, theirs } = await lab.readRules(fixture);
      expect(comparable(ours), fixture.name).toEqual(comparable(theirs));
    }
  });

  it.each(major >= 15 ? IDENT_FIXTURES : [])("reads maps as we do: $name", async ({ main }) => {
    lab.write("pg_ident.conf", main);
    const path = join(lab.directory, "pg_ident.conf");
    const ours = parseEntries(await readConfLines(path, localFiles, major), major);
    const theirs = entriesOfView(await lab.session.query(entriesQuery(major, 5000)), { mainFile: path, major });
    const plain = ours.entries.map((entry) => ({ ...entry, isRoleQuoted: false }));
    expect({ ...ours, entries: plain }).toEqual(theirs);
  });
});

/** Methods that a server may be built without; what it says of them is its own. */
const BUILT = new Set(["gss", "sspi", "pam", "bsd", "ldap", "oauth"]);

/** What both can know: rules with their options, and reasons. */
function comparable(items: readonly (HbaRule | HbaProblem)[]): unknown[] {
  return items.map((item) => {
    const place = `${item.file}:${item.line}`;
    const reason = "reason" in item ? shortened(item.reason) : "";
    if ("reason" in item) return isOfTheServer(reason) ? { place } : { place, reason };
    if (BUILT.has(item.method)) return { place };
    const names = (tokens: HbaRule["users"]): string[] => tokens.map(({ text }) => text);
    const { type, address, method, text } = item;
    // A keyword and a host of that name look the same in the view.
    const where = address?.kind === "name" ? address.name : address?.kind;
    const network = address?.kind === "network" ? address.text : undefined;
    return {
      ...{ place, type, method, where, network, text: text.replaceAll('"', "") },
      databases: names(item.databases),
      users: names(item.users),
    };
  });
}

/** Depends on how the server was built and set, or is one of the reasons that the server keeps to its log. */
const isOfTheServer = (reason: string): boolean =>
  /not supported by this build|gssapi|oauth|ldap|LDAP|krb_realm|pam|clientname|clientcert|port number|the server refuses|SSL is disabled/.test(
    reason,
  );

/** Lists of methods and the system's words differ between versions. */
function shortened(reason: string): string {
  return reason
    .replace(/(is only valid for authentication methods).*/, "$1")
    .replace(/(number of RADIUS \w+).*/, "$1")
    .replace(/(invalid IP mask "[^"]*").*/, "$1")
    .replace(/(could not open directory "[^"]*").*/, "$1")
    .replace(/(could not translate RADIUS).*/, "$1");
}

class FileLab {
  readonly major: Major;
  #cluster: TestCluster | undefined;
  #session: Session | undefined;
  #extra: string[] = [];

  constructor(major: Major) {
    this.major = major;
  }

  async start(): Promise<void> {
    this.#cluster = await startCluster({ major: this.major });
    this.#session = await connectTo(this.#cluster);
  }

  async stop(): Promise<void> {
    await this.#session?.close();
    await this.#cluster?.stop();
  }

  get session(): Session {
    if (this.#session === undefined) throw new Error("the server did not start");
    return this.#session;
  }

  get directory(): string {
    if (this.#cluster === undefined) throw new Error("the server did not start");
    return this.#cluster.dataDir;
  }

  write(name: string, content: string | Buffer): void {
    const path = join(this.directory, name);
    if (name.includes("/")) mkdirSync(join(path, ".."), { recursive: true, mode: 0o755 });
    writeFileSync(path, content);
    chmodSync(path, 0o644);
  }

  async readRules({ main, others = {} }: HbaFixture) {
    for (const name of this.#extra) rmSync(join(this.directory, name), { recursive: true, force: true });
    this.#extra = Object.keys(others).map((name) => name.split("/")[0] ?? name);
    for (const [name, content] of Object.entries(others)) this.write(name, content);
    this.write("pg_hba.conf", main);
    const path = join(this.directory, "pg_hba.conf");
    const context = { mainFile: path, major: this.major };
    const ours = parseRules(await readConfLines(path, localFiles, this.major), this.major);
    const theirs = rulesOfView(await this.session.query(rulesQuery(this.major, 5000)), context);
    return { ours, theirs };
  }
}
