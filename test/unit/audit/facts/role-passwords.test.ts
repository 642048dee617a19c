/** Clear-text passwords of roles in SQL, logs and histories, and what looks like them. */
import { describe, expect, it } from "vitest";
import { rolePasswordLines } from "../../../../src/audit/facts/role-passwords.ts";
import { expectLinearTime } from "../../../support/growth.ts";

describe("a role's password in clear text", () => {
  it.each([
    "create role app login password 'x'",
    "ALTER USER app WITH ENCRYPTED PASSWORD 'it''s';",
    "alter role app password E'a\\tb'",
    "alter role app password $$x$$",
    "alter role app password $pw$x$pw$",
    "create user mapping for app server s options (user 'a', password 'x')",
    "execute 'alter role app password ''x'''",
    "2026-11-21 UTC [1] STATEMENT:  alter role app password 'x'",
    '{"message":"statement: create role app\\n  password \'x\'"}',
    "create role app\\001  login\\001  password 'x';",
    "create role app password 'cut off by the log",
  ])("is seen in %s", (text) => {
    expect(rolePasswordLines(`\n\n${text}\n`)).toEqual([3]);
  });

  it.each([
    "create role app login",
    "alter role app password null",
    "alter role app password 'SCRAM-SHA-256$4096:c2FsdA==$a:b'",
    "alter role app password 'md50123456789abcdef0123456789abcdef'",
    "alter role app password :'pw'",
    "alter role app password '${app_password}'",
    "alter role app password '{{ app_password }}'",
    "execute format('alter role %I password %L', r, p)",
    "execute 'alter role app password ''' || p || ''''",
    "alter role app password ''",
    "alter role app password '********'",
    "create role app; insert into t (password) values ('x')",
    "create role app;\nselect password 'x'",
    "create table password (a text default 'x')",
    "update users set password = 'x'",
    "\\password app",
  ])("is not seen in %s", (text) => {
    expect(rolePasswordLines(text)).toEqual([]);
  });

  it("is told by its line, each once, in linear time", async () => {
    const input = (lines: number): string => {
      const noise = "alter role x set work_mem = '1MB';\n".repeat(lines / 2);
      return `${noise}alter role a password 'x'; alter role b password 'y';\n${noise}`;
    };
    await expectLinearTime({ input, work: rolePasswordLines, largest: 400_000 });
    expect(rolePasswordLines(input(400_000))).toEqual([200_001]);
  });
});
