-- Writes one line about an apply to the server's log. The text waits in a setting, so that no name in it can be read as
-- SQL; the server itself adds who is there, because nobody else's word counts. Locks nothing, changes nothing.
do $pgkeep$
declare
  v_record constant pg_catalog.jsonb := pg_catalog.current_setting('pgkeep.record')::pg_catalog.jsonb
    operator(pg_catalog.||) pg_catalog.jsonb_build_object('session_user', session_user, 'current_user', current_user);
begin
  raise log 'pgkeep access apply %', v_record;
end
$pgkeep$;
