-- What a deploy of this project does, in the order in which it happens. Everything down to COMMIT takes place completely
-- or not at all; a test that fails keeps all of it out of the database.
--
-- The deploying tool has put the project's files and parameters into temporary views of this session. This script decides
-- what becomes of them, so order, skipping and error messages can be changed right here.

begin;

do $deploy$
declare
  v_settings jsonb;
  v_use_ledger boolean;
  v_file record;
  v_run integer := 0;
  v_skipped integer := 0;
  v_sqlstate text;
  v_message text;
  v_detail text;
  v_hint text;
begin
  select f.content::jsonb
    into strict v_settings
    from pg_temp.pgmi_source_view as f
   where f.path = './project.json';

  -- Files are written so that running them again changes nothing. With "ledger": true in project.json, files that are as
  -- they were last time are not run again; changed and new ones are.
  v_use_ledger := coalesce((v_settings ->> 'ledger')::boolean, false);
  if v_use_ledger and to_regclass('public._migration') is null then
    create table public._migration (
      path text primary key,
      checksum text not null,
      applied_at timestamptz not null default now()
    );
    comment on table public._migration is 'Project files that have run, each with the checksum it had then.';
  end if;

  for v_file in
    select f.path, f.content, f.pgmi_checksum as checksum
      from pg_temp.pgmi_source_view as f
     where f.directory = './migrations/'
       and f.is_sql_file
     order by f.path collate "C"
  loop
    -- Two questions and not one: without the ledger its table may not be there to ask.
    if v_use_ledger then
      if exists (
        select
          from public._migration as m
         where m.path = v_file.path
           and m.checksum = v_file.checksum
      ) then
        v_skipped := v_skipped + 1;
        continue;
      end if;
    end if;

    begin
      execute v_file.content;
    exception
      when others then
        get stacked diagnostics
          v_sqlstate = returned_sqlstate,
          v_message = message_text,
          v_detail = pg_exception_detail,
          v_hint = pg_exception_hint;
        raise exception using
          errcode = v_sqlstate,
          message = format('Failed in %s: %s', v_file.path, v_message),
          detail = v_detail,
          hint = v_hint;
    end;
    v_run := v_run + 1;

    if v_use_ledger then
      insert into public._migration as m (path, checksum)
      values (v_file.path, v_file.checksum)
      on conflict (path) do update
         set checksum = excluded.checksum,
             applied_at = now();
    end if;
  end loop;

  raise notice 'migrations: % run, % unchanged', v_run, v_skipped;
end;
$deploy$;

-- The gate: every test below __test__ runs here, and whatever the tests wrote is undone whether they pass or not.
savepoint _tests;
call pgmi_test();
rollback to savepoint _tests;

commit;

-- After COMMIT each statement stands for itself, as in psql: the place for CREATE INDEX CONCURRENTLY or VACUUM.
do $banner$
declare
  v_name text;
begin
  select f.content::jsonb ->> 'name'
    into v_name
    from pg_temp.pgmi_source_view as f
   where f.path = './project.json';

  raise notice '% is deployed to database "%", environment %',
    v_name,
    current_database(),
    coalesce(nullif(current_setting('pgmi.env', true), ''), 'development');
end;
$banner$;
