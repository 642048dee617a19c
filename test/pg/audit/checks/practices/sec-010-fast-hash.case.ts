/** SEC-010. */
import sec010 from "../../../../../src/audit/checks/practices/sec-010-fast-hash.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec010,
  defect: `
    create schema lab;
    create function lab.by_md5(p_password text, salt text) returns text language sql as 'select md5(concat(salt, p_password))';
    create function lab.by_sha1(password text) returns text language plpgsql as $$ begin return encode(digest(password, 'sha1'), 'hex'); end $$;
    create function lab.by_old_crypt(p text) returns text language plpgsql as $$ begin return crypt(p, gen_salt('md5')); end $$;
    create function lab.parsed(password text) returns text language sql begin atomic select md5(password); end`,
  finds: ["lab.by_md5(text,text)", "lab.by_sha1(text)", "lab.by_old_crypt(text)", "lab.parsed(text)"],
  cure: "drop schema lab cascade",
  lookAlike: `
    create schema lab; create extension lo;
    create function lab.by_bcrypt(password text) returns text language plpgsql as $$ begin return crypt(password, gen_salt('bf')); end $$;
    create function lab.by_sha256(password text) returns text language plpgsql as $$ begin return digest(password, 'sha256'); end $$;
    create function lab.etag(t text, password text) returns text language plpgsql as $$ begin
      -- not md5(password)
      raise notice 'md5(password) is weak'; return md5(t); end $$;
    create function lab.of_extension(password text) returns text language sql as 'select md5(password)';
    alter extension lo add function lab.of_extension(text)`,
});
