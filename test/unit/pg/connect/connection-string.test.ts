/** Every written form of a connection string, and what is said about one that has none. */
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PgkeepError } from "../../../../src/base/errors.ts";
import { parseConnectionString } from "../../../../src/pg/connect/connection-string.ts";
import { expectLinearTime, repeated } from "../../../support/growth.ts";
import { BROKEN_STRINGS } from "./broken-strings.ts";

const parse = (text: string) => Object.fromEntries(parseConnectionString(text, "--connection").parameters);
const formOf = (text: string) => parseConnectionString(text, "--connection").form;

describe("a URI", () => {
  const cases: [string, Record<string, string>][] = [
    ["postgresql://", {}],
    ["postgres://db", { host: "db" }],
    ["postgresql://app@db/shop", { user: "app", host: "db", dbname: "shop" }],
    [
      "postgresql://app:p%40ss%3Aword%2F@db:6432/shop?sslmode=require",
      { user: "app", password: "p@ss:word/", host: "db", port: "6432", dbname: "shop", sslmode: "require" },
    ],
    ["postgresql://app:p@ss@db/shop", { user: "app", password: "p@ss", host: "db", dbname: "shop" }],
    ["postgresql://app:a:b@db", { user: "app", password: "a:b", host: "db" }],
    ["postgresql://:secret@db", { password: "secret", host: "db" }],
    ["postgresql:///shop", { dbname: "shop" }],
    ["postgresql://db/sh%20op", { host: "db", dbname: "sh op" }],
    ["postgresql://db?SSLMODE=disable", { host: "db", sslmode: "disable" }],
    ["postgresql://db/x?ssl=true", { host: "db", dbname: "x", sslmode: "require" }],
    [
      "postgresql://db/x?statement_timeout=5s&options=-c%20geqo%3Doff",
      { host: "db", dbname: "x", statement_timeout: "5s", options: "-c geqo=off" },
    ],
    [
      "postgresql:///?host=/tmp&port=5433&user=u&password=p&dbname=d",
      { host: "/tmp", port: "5433", user: "u", password: "p", dbname: "d" },
    ],
  ];
  it.each(cases)("%s", (text, expected) => expect(parse(text)).toEqual(expected));

  const places: [string, Record<string, string>][] = [
    ["postgresql://[::1]/x", { host: "::1", dbname: "x" }],
    ["postgresql://u@[2001:db8::7]:5433/x", { user: "u", host: "2001:db8::7", port: "5433", dbname: "x" }],
    ["postgresql://[fe80::1%25eth0]/x", { host: "fe80::1%eth0", dbname: "x" }],
  ];
  it.each(places)("[BX-08] with an IPv6 address: %s", (text, expected) => expect(parse(text)).toEqual(expected));

  const sockets: [string, Record<string, string>][] = [
    ["postgresql://%2Fvar%2Frun%2Fpostgresql/x", { host: "/var/run/postgresql", dbname: "x" }],
    ["postgresql:///x?host=/var/run/postgresql", { host: "/var/run/postgresql", dbname: "x" }],
  ];
  it.each(sockets)("[BX-07] with a socket's directory: %s", (text, expected) => expect(parse(text)).toEqual(expected));

  const several: [string, Record<string, string>][] = [
    ["postgresql://a:1,b:2,c/x", { host: "a,b,c", port: "1,2,", dbname: "x" }],
    ["postgresql://a,[::1]:5433/x", { host: "a,::1", port: ",5433", dbname: "x" }],
    [
      "postgresql://a,b/x?target_session_attrs=read-write",
      { host: "a,b", dbname: "x", target_session_attrs: "read-write" },
    ],
  ];
  it.each(several)("[BX-10] with several hosts: %s", (text, expected) => expect(parse(text)).toEqual(expected));

  it("gives back every user, password and database after percent-encoding", () => {
    const text = fc
      .string({ minLength: 1, unit: "grapheme" })
      .filter((value) => !value.includes("\0") && value.isWellFormed());
    fc.assert(
      fc.property(text, text, text, (user, password, database) => {
        const encode = (value: string) => encodeURIComponent(value);
        const uri = `postgresql://${encode(user)}:${encode(password)}@db/${encode(database)}`;
        expect(parse(uri)).toEqual({ user, password, host: "db", dbname: database });
      }),
    );
  });
});

describe("[BX-09] keyword/value pairs", () => {
  const cases: [string, Record<string, string>][] = [
    ["host=db port=5433 dbname=shop user=app", { host: "db", port: "5433", dbname: "shop", user: "app" }],
    ["host = db   user= app", { host: "db", user: "app" }],
    ["password='it''s'", {}],
    ["password='it\\'s' host=db", { password: "it's", host: "db" }],
    ["password='a;b c=d' host=db", { password: "a;b c=d", host: "db" }],
    ["password=a\\ b\\\\c host=db", { password: "a b\\c", host: "db" }],
    ["host='' dbname=x", { host: "", dbname: "x" }],
    ["HOST=db", { host: "db" }],
    ["service=prod", { service: "prod" }],
    ["host=/run/pg,db port=5432,6432", { host: "/run/pg,db", port: "5432,6432" }],
  ];
  it.each(cases.filter(([, expected]) => Object.keys(expected).length > 0))("%s", (text, expected) => {
    expect(parse(text)).toEqual(expected);
    expect(formOf(text)).toBe("keywords");
  });
});

describe("ADO.NET pairs", () => {
  const cases: [string, Record<string, string>][] = [
    [
      "Host=db;Port=5433;Database=shop;Username=app;Password=secret",
      { host: "db", port: "5433", dbname: "shop", user: "app", password: "secret" },
    ],
    ["server=db;initial catalog=shop;user id=app;pwd=x;", { host: "db", dbname: "shop", user: "app", password: "x" }],
    ["Host=db;Password='a;b=c'", { host: "db", password: "a;b=c" }],
    ['Host=db;Password="say ""hi"""', { host: "db", password: 'say "hi"' }],
    ["Host=db;Password='it''s';Uid=app", { host: "db", password: "it's", user: "app" }],
    ["Host=db;Password=a=b;Uid=app", { host: "db", password: "a=b", user: "app" }],
    ["Host=db;nonsense;Uid=app", { host: "db", user: "app" }],
    ["Host=db;SSL Mode=VerifyFull;Root Certificate=/ca", { host: "db", sslmode: "verify-full", sslrootcert: "/ca" }],
    ["Host=db;Timeout=7;Application Name=ci job", { host: "db", connect_timeout: "7", application_name: "ci job" }],
    ["Host=db;statement_timeout=5s", { host: "db", statement_timeout: "5s" }],
    ["Password='a;b';Host=db", { password: "a;b", host: "db" }],
  ];
  it.each(cases)("%s", (text, expected) => {
    expect(parse(text)).toEqual(expected);
    expect(formOf(text)).toBe("ado.net");
  });
});

describe("[D-04] a broken connection string", () => {
  it("is tried in thirteen ways", () => expect(new Set(BROKEN_STRINGS).size).toBe(13));

  it.each(BROKEN_STRINGS.map((text, index) => [index + 1, text] as const))(
    "number %i is refused and never repeated",
    (_, text) => {
      let thrown: unknown;
      try {
        parseConnectionString(text, "DATABASE_URL");
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(PgkeepError);
      expect(thrown).toMatchObject({ code: "CONNECT_STRING_INVALID", exit: 10 });
      expect(inspect(thrown, { depth: 9 })).not.toContain("hunter2");
      expect(String(thrown)).toContain("DATABASE_URL");
    },
  );

  it.each([
    "postgresql://app%00options@db/shop",
    "postgresql://db/shop%00options",
    "postgresql://db/shop?application_name=a%00b",
  ])("[T-09] with a NUL is told from one that is not encoded: %s", (text) => {
    expect(() => parseConnectionString(text, "DATABASE_URL")).toThrow(
      expect.objectContaining({ parts: expect.objectContaining({ detail: expect.stringContaining("%00") }) }),
    );
  });

  it("of endless length is refused", () => {
    expect(() => parseConnectionString(`host=${"x".repeat(70_000)}`, "--connection")).toThrow(
      expect.objectContaining({ code: "CONNECT_STRING_INVALID" }),
    );
  });

  it.each<[string, (size: number) => string]>([
    ["backslashes", (size) => `host=${repeated("\\")(size)}`],
    ["quotes", (size) => `a='${repeated("''")(size)}`],
    ["equals signs", (size) => `a=;${repeated("b=")(size)}'`],
  ])("with many %s is read or refused in linear time", async (_, input) => {
    const work = (text: string) => parseConnectionString(text, "--connection");
    await expectLinearTime({ input, work, refusal: PgkeepError, largest: 60_000 });
  });
});
