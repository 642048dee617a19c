/** SEC-006. */
import sec006 from "../../../../../src/audit/checks/practices/sec-006-credential-in-body.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec006,
  defect: `
    create schema lab;
    create function lab.assigned() returns text language plpgsql as $$ declare v_password text := 'canaryvalue'; begin return v_password; end $$;
    create function lab.compared() returns bool language sql as $$ select 'x' = 'y' and (select password = 'canary-1' from (values ('a')) as v (password)) $$;
    create function lab.connects() returns text language sql as $$ select 'host=db user=app password=canary1 dbname=x' $$;
    create function lab.by_url() returns text language sql begin atomic select 'postgres://app:canary1@db/x'; end;
    create function lab.makes_role() returns void language plpgsql as $$ begin execute 'create role x password ''canary'''; end $$;
    create procedure lab."By Key"(in integer, out text) language plpgsql as $$ begin $2 := 'AKIAABCDEFGHIJKLMNOP'; end $$;
    create function lab.in_comment() returns int language plpgsql as $$ begin /* sk_live_4242424242 */ return 1; end $$`,
  finds: [
    "lab.assigned()",
    "lab.compared()",
    "lab.connects()",
    "lab.by_url()",
    "lab.makes_role()",
    `lab."By Key"(integer)`,
    "lab.in_comment()",
  ],
  cure: "drop schema lab cascade",
  lookAlike: `
    create schema lab; create extension lo;
    create function lab.argument(p_password text) returns bool language sql as $$ select password=p_password from (values ('x')) as v (password) $$;
    create function lab.pasted(p text) returns void language plpgsql as $$ begin execute 'alter role x password ''' || p || ''''; end $$;
    create function lab.formatted(p text) returns void language plpgsql as $$ begin execute format('alter role x password %L', p); perform 'host=db password=' || p; perform format('password=%s', p); end $$;
    create function lab.verifier() returns void language plpgsql as $$ begin execute 'alter role x password ''SCRAM-SHA-256$4096:x$y:z'''; end $$;
    create function lab.columns() returns text[] language sql as $$ select array['password', 'secret_question', 'api_key_1'] $$;
    create function lab.hashed(p text) returns bool language plpgsql as $$ begin -- password = 'no-value-1' isn't one
      if p = 'password' then raise notice 'the password is too short'; end if; return password_hash = crypt(p, password_hash) from lab_users; end $$;
    create function lab.referred() returns text language sql as $$ select 'postgres://app:\${env:PW}@db/x' || 'postgres://app:password@host/x' || 'https://db:5432/a@b' $$;
    create function lab.empty() returns text language plpgsql as $$ declare v_password text := ''; v_secret text := 'not set yet'; begin return v_password; end $$;
    create function lab.of_extension() returns text language sql as $$ select 'AKIAABCDEFGHIJKLMNOP' $$;
    alter extension lo add function lab.of_extension()`,
});
