/** Where a command line holds a password; what is told never holds a part of it. */
import { describe, expect, it } from "vitest";
import { secretOptions } from "../../../../src/audit/facts/secret-options.ts";

const CANARY = "hunter2-canary";

describe("a password in a command line", () => {
  it.each<[string[], string[]]>([
    [["psql", `postgresql://app:${CANARY}@db/shop`], ["a connection URL"]],
    [["psql", `postgres://db/shop?sslmode=require&password=${CANARY}`], ["a connection URL"]],
    [["psql", `host=db password=${CANARY} user=app`], ["password= of a connection string"]],
    [["psql", `host=db password = '${CANARY}'`], ["password= of a connection string"]],
    [["backup", `--password=${CANARY}`], ["--password"]],
    [["backup", `--db-password=${CANARY}`], ["--db-password"]],
    [["sh", "-c", `PGPASSWORD=${CANARY} psql -h db`], ["PGPASSWORD"]],
    [["env", `PGPASSWORD=${CANARY}`, "psql"], ["PGPASSWORD"]],
    [["pgkeep", "deploy", ".", "--param", `app_password=${CANARY}`], ["--param app_password"]],
    [["pgmi", "deploy", ".", `--param=api_key=${CANARY}`], ["--param api_key"]],
  ])("%j is told by the name of its place alone", (words, places) => {
    const found = secretOptions(words);
    expect(found).toEqual(places);
    expect(found.join()).not.toContain(CANARY);
  });

  it.each<[string[]]>([
    [["psql", "postgresql://app@db/shop"]],
    [["psql", "postgresql://db:5432/shop"]],
    [["psql", "--password", "-h", "db"]],
    [["psql", "-W", "host=db passfile=/run/pass"]],
    [["pgkeep", "deploy", "--param", "region=eu", "--params-file", "/run/secrets"]],
    [["pgkeep", "deploy", "--param", "app_password="]],
    [["sh", "-c", 'PGPASSWORD="$SECRET" psql']],
    [["grep", "-r", "password", "/etc"]],
    [["postgres: app shop 10.0.0.1(5432) idle"]],
    [["curl", "https://user:secret@example.com/"]],
    [[]],
  ])("is not seen in %j, which looks alike", (words) => {
    expect(secretOptions(words)).toEqual([]);
  });
});
