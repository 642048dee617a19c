/** Verifiers made here, stored by real servers and used by other clients. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../../src/base/secrets.ts";
import { literal } from "../../../src/pg/identifiers.ts";
import { isScramVerifier, matchesScramVerifier, parseScramVerifier, scramVerifier } from "../../../src/pg/scram.ts";
import { hasMajor, type Major, startCluster, type TestCluster } from "../../support/cluster.ts";

const MAJORS: readonly Major[] = [14, 16, 18];

describe.each(MAJORS.filter(hasMajor))("a verifier on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major, settings: { log_statement: "all" } });
    await cluster.sql("create role app login");
  });
  afterAll(() => cluster?.stop());

  const setPassword = (text: string) => cluster.sql(`alter role app password ${literal(text)}`);
  const stored = async () =>
    (await cluster.sql("select rolpassword from pg_authid where rolname = 'app'"))[0].rolpassword;

  const logsIn = async (password: string) => {
    const client = new pg.Client({
      host: cluster.host,
      port: cluster.port,
      user: "app",
      password,
      database: "postgres",
    });
    try {
      await client.connect();
      return true;
    } catch {
      return false;
    } finally {
      await client.end();
    }
  };

  it.each(["pencil", "pä ss", "quote ' back \\ slash", "ｆｕｌｌ Ⅸ", "a\u00a0b", "🐘🐘🐘", "x".repeat(1024)])(
    "[A-05] of %j is stored as it is and logs in",
    async (password) => {
      const verifier = scramVerifier(new Secret(password), { salt: randomBytes(16), iterations: 10_000 }).expose();
      await setPassword(verifier);
      expect(await stored()).toBe(verifier);
      expect(await logsIn(password)).toBe(true);
      expect(await logsIn(`${password}!`)).toBe(false);
    },
  );

  it("of psql's own making is recognised", async () => {
    await setPassword("pencil");
    const made = await stored();
    expect(isScramVerifier(made)).toBe(true);
    const verifier = parseScramVerifier(made);
    expect(verifier && matchesScramVerifier(new Secret("pencil"), verifier)).toBe(true);
  });

  it("[A-05] that is refused here is indeed taken for a password there", async () => {
    await setPassword("SCRAM-SHA-256$4096:bad");
    expect(await stored()).not.toBe("SCRAM-SHA-256$4096:bad");
    expect(await logsIn("SCRAM-SHA-256$4096:bad")).toBe(true);
    expect(isScramVerifier("SCRAM-SHA-256$4096:bad")).toBe(false);
  });
});
