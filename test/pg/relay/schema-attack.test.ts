/** Every function of schema tide with hostile arguments, and the files as psql runs them. */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ServerError } from "../../../src/pg/session.ts";
import { migrations } from "../../../src/relay/schema/migrations.ts";
import { temporaryDirectory } from "../../support/project.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

let tide: Tide;
beforeAll(async () => {
  tide = await openTide();
  await tide.run(`select tide.outbox_create('events'); select tide.inbox_create('mail');
    select tide.outbox_publish('events', '{}'); select tide.create_consumer_group('readers', 'events');
    create table public.canary (id int)`);
});
afterAll(() => tide?.[Symbol.asyncDispose]());

const HOSTILE = [
  `'; drop table public.canary; --`,
  `"; drop table public.canary; --`,
  `x"', 'y'); drop table public.canary; --`,
  "%I %L %s %1$s",
  "\\'; drop table public.canary; --",
  "$$; drop table public.canary; --",
  "a\nb\u001b[31m\u202e",
  "x".repeat(100_000),
  "",
];

/** A value of each type that functions take, with `text` wherever a text can be. */
function argument(type: string, text: string): string {
  const literal = `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;
  const json = `jsonb_build_object(${literal}, ${literal}, 'name', ${literal}, 'outbox', ${literal}, 'sink_type', ${literal},
    'payload', ${literal}, 'config', jsonb_build_object(${literal}, ${literal}))`;
  const values: Record<string, string> = {
    text: literal,
    name: `left(${literal}, 63)::name`,
    "text[]": `array[${literal}, ${literal}]`,
    jsonb: json,
    "jsonb[]": `array[${json}]`,
    bigint: "1",
    "bigint[]": "array[1, 2]",
    integer: "1",
    boolean: "true",
    interval: "interval '1 hour'",
    regclass: "'tide.meta'::regclass",
  };
  return values[type] ?? "null";
}

/** The answer of one call in a transaction that is taken back: "ok" or the SQLSTATE. */
async function answerOf(call: string): Promise<string> {
  await tide.run("begin; set local lock_timeout = '5s'; set local statement_timeout = '20s'");
  try {
    await tide.run(`select * from ${call}`);
    return "ok";
  } catch (error) {
    if (!(error instanceof ServerError)) return String(error);
    // An empty name, quoted as it should be.
    return error.message.includes("zero-length delimited identifier") ? "empty" : error.sqlstate;
  } finally {
    await tide.run("rollback");
  }
}

/** Syntax errors, unknown objects, wrong types, internal errors, timeouts: what refusing an argument is not. */
const BROKEN = new Set(["42601", "42P01", "42703", "42883", "42804", "XX000", "57014", "55P03", "22P02"]);

describe("functions of schema tide", () => {
  it("[Q-04] run nothing that stands in a text, and fail with a reason of ours", async () => {
    const functions = await tide.rows(
      `select p.oid::regprocedure::text as signature, p.proname as name,
              array_to_string(array(select format_type(t, null) from unnest(p.proargtypes) as t), '|') as types
         from pg_proc p where p.pronamespace = 'tide'::regnamespace and p.prorettype <> 'trigger'::regtype order by 1`,
    );
    expect(functions.length).toBeGreaterThan(150);
    const broken: string[] = [];
    for (const { signature, name, types } of functions) {
      for (const text of HOSTILE) {
        const list = (types ?? "").split("|").filter((type) => type !== "");
        const answer = await answerOf(
          `tide.${name}(${list.map((type) => `${argument(type, text)}::${type}`).join(", ")})`,
        );
        if (BROKEN.has(answer)) broken.push(`${signature} ${JSON.stringify(text.slice(0, 20))}: ${answer}`);
        if (list.every((type) => argument(type, "a") === argument(type, "b"))) break;
      }
    }
    expect(broken).toEqual([]);
    expect(await tide.one("select to_regclass('public.canary') is not null")).toBe("t");
  });

  it("[Q-04] take NULL for every argument without an internal error", async () => {
    const functions = await tide.rows(
      `select p.proname as name, p.oid::regprocedure::text as signature,
              array_to_string(array(select 'null::' || format_type(t, null) from unnest(p.proargtypes) as t), ', ') as nulls
         from pg_proc p where p.pronamespace = 'tide'::regnamespace and p.prorettype <> 'trigger'::regtype order by 1`,
    );
    const broken: string[] = [];
    for (const { name, signature, nulls } of functions) {
      const answer = await answerOf(`tide.${name}(${nulls})`);
      if (BROKEN.has(answer)) broken.push(`${signature}: ${answer}`);
    }
    expect(broken).toEqual([]);
  });
});

describe("the files of sql/relay", () => {
  it("are runnable by psql as they are, twice", async () => {
    const database = await tide.cluster.createDatabase();
    const folder = fileURLToPath(new URL("../../../sql/relay/", import.meta.url));
    using directory = temporaryDirectory();
    chmodSync(directory.path, 0o755);
    const script = join(directory.path, "all.sql");
    const parts = [
      "create schema if not exists tide;",
      ...migrations().map(({ name }) => readFileSync(join(folder, name), "utf8")),
      readFileSync(join(folder, "roles.sql"), "utf8"),
    ];
    writeFileSync(script, parts.join("\n"), { mode: 0o644 });
    for (const _ of [1, 2]) {
      const { status, stderr } = await tide.cluster.psql(["-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", script], {
        database,
      });
      expect(stderr.split("\n").filter((line) => line !== "" && !/NOTICE|WARNING/.test(line))).toEqual([]);
      expect(status).toBe(0);
    }
  });
});
