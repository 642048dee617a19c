/** SEC-007. */
import sec007 from "../../../../../src/audit/checks/practices/sec-007-credential-in-comment.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec007,
  defect: `
    create schema "Lab s"; create table "Lab s"."T ""1""" (id int, "C d" int); create view "Lab s".v as select 1 as a;
    create function "Lab s".f() returns int language sql as 'select 1';
    comment on table "Lab s"."T ""1""" is 'password: canary-1';
    comment on column "Lab s"."T ""1"""."C d" is 'see postgres://app:canary@db/x';
    comment on column "Lab s".v.a is 'login with password=canaryword';
    comment on schema "Lab s" is 'AKIAABCDEFGHIJKLMNOP'; comment on database postgres is 'pwd = canary#'`,
  finds: [
    `table "Lab s"."T ""1"""`,
    `table column "Lab s"."T ""1"""."C d"`,
    `view column "Lab s".v.a`,
    `schema "Lab s"`,
    "database postgres",
  ],
  lookAlike: `
    create schema lab; create table lab.t (id int, a int, b int, c int);
    comment on table lab.t is 'password: see the vault; passwords are hashed with bcrypt 12';
    comment on column lab.t.id is 'password=\${env:PW} or password=<password> or password=***';
    comment on column lab.t.a is 'postgres://user:password@host/db, https://example.com:443/a@b';
    comment on column lab.t.b is 'password_hash = argon2id, v=19'; comment on column lab.t.c is 'password: https://vault/1'`,
});
