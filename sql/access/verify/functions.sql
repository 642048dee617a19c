-- What verification puts into its own transaction, which is always rolled back. Nobody else ever sees it.
--
-- The first function is handed to the role that is being probed and runs with that role's rights. SECURITY DEFINER is
-- what contains it: inside, the server refuses to change role or session authorization, so code of other people that a
-- probe happens to run (a policy's function that the planner evaluates) cannot get back to the executor, whose session
-- this is. With SET ROLE or SET SESSION AUTHORIZATION alone it could.

-- Tries every item and undoes it at once, so that locks last for one item. An item is a letter, the oid of the relation
-- that it is about (0: none), a blank and a statement. The letter says what to do:
--   r  run the statement               k  run it and keep the effect until the transaction is rolled back
--   g  it is a GRANT: tell whether the relation's list changed
-- A relation that somebody holds a lock on is waited for once; the other items about it get the same answer.
create function pg_temp.pgkeep_probe(p_items pg_catalog.text[])
  returns table (outcome pg_catalog.text, code pg_catalog.text, message pg_catalog.text)
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_item pg_catalog.text;
  v_kind pg_catalog.text;
  v_sql pg_catalog.text;
  v_relation pg_catalog.oid;
  v_locked pg_catalog.oid[] := '{}';
  v_before pg_catalog.text;
  v_after pg_catalog.text;
begin
  foreach v_item in array p_items loop
    v_kind := pg_catalog.left(v_item, 1);
    v_relation := pg_catalog.substr(pg_catalog.split_part(v_item, ' ', 1), 2)::pg_catalog.oid;
    v_sql := pg_catalog.substr(v_item, pg_catalog.strpos(v_item, ' ') + 1);
    outcome := null;
    code := null;
    message := null;
    begin
      if v_relation = any (v_locked) then
        raise exception using errcode = 'lock_not_available', message = 'another session holds a lock on it';
      elsif v_kind = 'g' then
        select c.relacl::pg_catalog.text into v_before from pg_catalog.pg_class as c where c.oid = v_relation;
        execute v_sql;
        select c.relacl::pg_catalog.text into v_after from pg_catalog.pg_class as c where c.oid = v_relation;
        outcome := case when v_before is not distinct from v_after then 'no effect' else 'ok' end;
      else
        execute v_sql;
        outcome := 'ok';
      end if;
      if v_kind <> 'k' then
        raise exception using errcode = 'PGK02', message = 'pgkeep undoes its probe';
      end if;
    exception
      when sqlstate 'PGK02' then
        null;
      when assert_failure or others then
        get stacked diagnostics code = returned_sqlstate, message = message_text;
        outcome := 'error';
        if code = '55P03' and v_relation <> 0 then
          v_locked := v_locked || v_relation;
        end if;
    end;
    return next;
  end loop;
end
$body$;

-- Tries to become each of the roles. It runs as the caller and executes nothing else, because inside the function above
-- nobody can change role.
create function pg_temp.pgkeep_become(p_roles pg_catalog.text[])
  returns table (outcome pg_catalog.text, code pg_catalog.text, message pg_catalog.text)
  language plpgsql
as $body$
declare
  v_role pg_catalog.text;
begin
  foreach v_role in array p_roles loop
    outcome := null;
    code := null;
    message := null;
    begin
      execute 'set local role ' || pg_catalog.quote_ident(v_role);
      outcome := 'ok';
      raise exception using errcode = 'PGK02', message = 'pgkeep undoes its probe';
    exception
      when sqlstate 'PGK02' then
        null;
      when others then
        get stacked diagnostics code = returned_sqlstate, message = message_text;
        outcome := 'error';
    end;
    return next;
  end loop;
end
$body$;

grant execute on function pg_temp.pgkeep_become(pg_catalog.text[]) to public;
