/** FUN-006. */
import fun006 from "../../../../../src/audit/checks/database/fun-006-concatenated-sql.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: fun006,
  defect: `
    create schema lab;
    create function lab.glued(name text) returns void language plpgsql security definer
      as $$ begin execute 'drop table ' || name; end $$;
    create function lab.glued_later(name text) returns void language plpgsql security definer
      as $$ declare q text; begin q := 'drop table ' || name; perform 1; execute q; end $$;
    create function lab.raw_format(name text) returns void language plpgsql security definer
      as $$ begin execute format('drop table %I.%2$s', 'x', name); end $$`,
  finds: ["lab.glued(text)", "lab.glued_later(text)", "lab.raw_format(text)"],
  cure: `alter function lab.glued(text) security invoker; alter function lab.glued_later(text) security invoker;
    alter function lab.raw_format(text) security invoker`,
  lookAlike: `
    create schema lab;
    create function lab.quoted(name text) returns void language plpgsql security definer
      as $$ begin execute 'drop table ' || quote_ident(name) || ' cascade'; end $$;
    create function lab.quoted_value(name text) returns void language plpgsql security definer
      as $$ begin execute 'select ' || pg_catalog.quote_literal(name); end $$;
    create function lab.formatted(name text) returns void language plpgsql security definer
      as $$ begin execute format('drop table %I', name); end $$;
    create function lab.bound(name text) returns void language plpgsql security definer
      as $$ begin execute 'select $1 || $2 where x like ''%s''' using name, name; end $$;
    create function lab.glued_part(name text) returns void language plpgsql security definer
      as $$ begin execute 'drop table ' || format('%I', name); end $$;
    create function lab.said(name text) returns void language plpgsql security definer
      as $$ begin
        -- execute 'x' || name would be wrong; don't
        /* execute 'x' || name; */
        raise notice '%', 'execute ' || name;
        execute 'analyze';
      end $$;
    create function lab.granted(name text) returns void language plpgsql security definer
      as $$ begin name := name || name; grant execute on function lab.said(text) to public; end $$;
    create function lab.invoker(name text) returns void language plpgsql
      as $$ begin execute 'drop table ' || name; end $$`,
});
