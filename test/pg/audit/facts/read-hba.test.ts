/** What is read of a live server's files, by whom, and what is done where file and view do not tell the same. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Check } from "../../../../src/audit/check.ts";
import type { HbaFacts } from "../../../../src/audit/hba/hba.ts";
import type { IdentFacts } from "../../../../src/audit/hba/ident.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { outcomeOn } from "../../../conformance/audit/outcome-on.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

describe.each(availableMajors())("PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    session = await connectTo(cluster);
    await session.script(`create role auditor; grant pg_monitor to auditor; create role plain;
      grant select on pg_catalog.pg_hba_file_rules to auditor;
      grant execute on function pg_catalog.pg_hba_file_rules() to auditor`);
  });
  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  const write = (name: string, content: string | Buffer): void => writeFileSync(join(cluster.dataDir, name), content);
  const hbaAs = async (role: string): Promise<HbaFacts> => {
    let read: HbaFacts | undefined;
    const outcome = await askedAs(role, async (facts) => {
      read = await facts.hba();
    });
    if (read === undefined) throw new Error(JSON.stringify(outcome));
    return read;
  };
  const askedAs = async (role: string, ask: (facts: Parameters<Check["examine"]>[0]) => Promise<void>) => {
    await session.script(`set role ${role}`);
    try {
      return await outcomeOn(session, checkThat(ask));
    } finally {
      await session.script("reset role");
    }
  };

  it("a superuser reads the files, with quotes, places and times; secrets stay behind", async () => {
    write("names", 'one "all"\n');
    write(
      "pg_hba.conf",
      'local "all" @names md5\nhost all all 10.1.2.3/8 radius radiusservers=127.0.0.1 radiussecrets=c4n4ry\n',
    );
    const hba = await hbaAs("postgres");
    expect(hba).toMatchObject({ isExact: true, problems: [], loadedAt: expect.any(Date), changedAt: expect.any(Date) });
    expect(hba.rules[0]?.databases).toEqual([{ text: "all", isQuoted: true, isPattern: false }]);
    expect(hba.rules[0]?.users.map(({ text, isQuoted }) => [text, isQuoted])).toEqual([
      ["one", false],
      ["all", true],
    ]);
    expect(hba.rules[1]).toMatchObject({ line: 2, text: "host all all 10.1.2.3/8 radius radiusservers=127.0.0.1" });
    expect(JSON.stringify([...hba.rules.map(({ options }) => [...options])])).not.toContain("c4n4ry");
  });

  it("an auditor reads the view: the same rules by the same names, without quotes and without secrets", async () => {
    write(
      "pg_hba.conf",
      "local all all md5\nhost all all 10.1.2.3/8 radius radiusservers=127.0.0.1 radiussecrets=c4n4ry\n",
    );
    const [ours, theirs] = [await hbaAs("postgres"), await hbaAs("auditor")];
    expect(theirs).toMatchObject({ isExact: false, problems: [], changedAt: undefined });
    const seen = ({ rules }: HbaFacts): unknown[] => rules.map(({ file, line, text }) => [file, line, text]);
    expect(seen(theirs)).toEqual(seen(ours));
    expect(JSON.stringify([...theirs.rules.map(({ options }) => [...options])])).not.toContain("c4n4ry");
  });

  it("a plain role knows nothing", async () => {
    expect(await askedAs("plain", async (facts) => void (await facts.hba()))).toMatchObject({
      status: "unknown",
      right: "hba",
    });
  });

  it("where our reading differs from the server's, the server's counts", async () => {
    // No such interface: a host name with a prefix to the server, an address to us.
    write(
      "pg_hba.conf",
      "host all all fe80::1%nosuch/64 md5\nhost all all fe80::1%nosuch all md5\nlocal all all md5\n",
    );
    const hba = await hbaAs("postgres");
    expect(hba.problems.map(({ line }) => line)).toContain(1);
    expect(hba.rules.map(({ line }) => line)).toContain(3);
  });

  it("a file beyond our limits is judged by the view, and a directory is read as nothing", async () => {
    mkdirSync(join(cluster.dataDir, "folder"), { recursive: true });
    write("pg_hba.conf", `local all all md5\n${"#".repeat(1024 * 1024)}\nlocal @folder all all md5\n`);
    const hba = await hbaAs("postgres");
    expect(hba).toMatchObject({
      isExact: false,
      rules: [{ text: "local all all md5" }, { text: "local all all md5" }],
    });
  });

  it("a superuser reads maps; before 15 nobody else can", async () => {
    write("pg_ident.conf", 'm joe "all"\nm a,b c\n');
    let maps: IdentFacts | undefined;
    await askedAs("postgres", async (facts) => {
      maps = await facts.ident();
    });
    expect(maps).toMatchObject({
      entries: [{ map: "m", system: "joe", role: "all", isRoleQuoted: true, line: 1 }],
      problems: [{ line: 2, reason: "multiple values in ident field" }],
    });
    const outcome = await askedAs("auditor", async (facts) => void (await facts.ident()));
    expect(outcome).toMatchObject({ status: "unknown", right: major < 15 ? "superuser" : "ident" });
  });
});

function checkThat(examine: (facts: Parameters<Check["examine"]>[0]) => Promise<void>): Check {
  return {
    ...{
      id: "NET-999",
      title: "asks",
      severity: "info",
      why: "",
      remedy: "",
      references: {},
      scope: "cluster",
      needs: [],
    },
    examine: async (facts) => {
      await examine(facts);
      return [];
    },
  };
}
