-- Gives one role the verifier that stands beside the statement with this number.
--
-- The verifier is in no text that the client sends, and no error may bring it into the server's log either: the text of
-- a statement inside a block is part of its CONTEXT, so errors are caught and raised anew without it. log_lock_waits
-- would write that CONTEXT as well, so the role's row is locked first, by an ALTER ROLE that changes nothing.
-- Settings that print parse trees write both, and anybody who owns a database or the role can set them: off.
-- pg_stat_statements with track = all would keep the inner statement, so it is told not to look, where we may.
-- Locks one row of pg_authid. The number 0 is replaced by the caller.
do $pgkeep$
declare
  v_statement constant int := 0;
  v_track     constant text := pg_catalog.current_setting('pg_stat_statements.track', true);
  v_role      text;
  v_verifier  text;
  v_state     text;
  v_message   text;
  v_detail    text;
  v_hint      text;
begin
  if pg_catalog.to_regclass('pg_temp.pgkeep_passwords') is not null then
    select p.role, p.verifier
      into strict v_role, v_verifier
      from pg_temp.pgkeep_passwords as p
     where p.statement operator(pg_catalog.=) v_statement;
  else
    select e.value operator(pg_catalog.->>) 0, e.value operator(pg_catalog.->>) 1
      into strict v_role, v_verifier
      from pg_catalog.jsonb_each(pg_catalog.current_setting('pgkeep.passwords')::pg_catalog.jsonb) as e
     where e.key operator(pg_catalog.=) v_statement::text;
  end if;
  begin
    execute pg_catalog.format('alter role %I', v_role);
  exception
    when insufficient_privilege then null;
  end;
  begin
    if v_track operator(pg_catalog.=) 'all' then
      perform pg_catalog.set_config('pg_stat_statements.track', 'none', true);
    end if;
  exception
    when others then null;
  end;
  perform pg_catalog.set_config(s.name, 'off', true)
     from pg_catalog.unnest(array['debug_print_parse', 'debug_print_rewritten', 'debug_print_plan']) as s (name);
  begin
    execute pg_catalog.format('alter role %I password %L', v_role, v_verifier);
  exception
    when query_canceled or others then
      get stacked diagnostics
        v_state   = returned_sqlstate,
        v_message = message_text,
        v_detail  = pg_exception_detail,
        v_hint    = pg_exception_hint;
      raise exception using
        errcode = v_state,
        message = pg_catalog.replace(v_message, v_verifier, '[secret]'),
        detail  = pg_catalog.replace(coalesce(v_detail, ''), v_verifier, '[secret]'),
        hint    = pg_catalog.replace(coalesce(v_hint, ''), v_verifier, '[secret]');
  end;
  if pg_catalog.current_setting('pg_stat_statements.track', true) operator(pg_catalog.<>) v_track then
    perform pg_catalog.set_config('pg_stat_statements.track', v_track, true);
  end if;
end
$pgkeep$;
