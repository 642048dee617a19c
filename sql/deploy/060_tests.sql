-- The tests: which run, in which order, and the statements that run them.
--
-- A test is a file below __test__ or __tests__. Directories nest: a test sees the fixtures of its own directory and of
-- all above, and nothing of other tests, because savepoints surround each directory and each test.

-- Whether a directory, or one below it, holds a test (fixtures are none) whose path matches.
create function pg_temp.pgmi_has_tests(p_directory text, p_pattern text default null)
  returns boolean
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  with recursive below (path) as (
    select d.path
      from pg_temp._pgmi_test_directory as d
     where d.path = p_directory
     union
    select d.path
      from pg_temp._pgmi_test_directory as d
      join below as b on b.path = d.parent_path
  )
  select exists (
    select
      from pg_temp._pgmi_test_source as t
      join below as b on b.path = t.directory
     where not t.is_fixture
       and (p_pattern is null or t.path ~ p_pattern)
  )
$body$;

-- The steps of a test run, depth first: fixtures, tests, directories below, teardown. Directories without a matching
-- test in or below them are left out. sort_keys is the way from the top: for each level a digit that ranks the kind of
-- step (0 fixture, 1 test, 2 directory, 3 teardown) and the name that ranks within the kind.
create function pg_temp.pgmi_test_plan(p_pattern text default null)
  returns table (ordinal integer, step_type text, script_path text, directory text, depth integer)
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  with recursive pattern (checked) as (
    select pg_temp.pgmi_validate_pattern(p_pattern)
  ), matching (path, directory, filename) as (
    select t.path, t.directory, t.filename
      from pg_temp._pgmi_test_source as t, pattern as p
     where not t.is_fixture
       and (p.checked is null or t.path ~ p.checked)
  ), relevant (path, parent_path, depth) as (
    select d.path, d.parent_path, d.depth
      from pg_temp._pgmi_test_directory as d
     where d.path in (select m.directory from matching as m)
     union
    select d.path, d.parent_path, d.depth
      from relevant as r
      join pg_temp._pgmi_test_directory as d on d.path = r.parent_path
  ), tree (path, depth, sort_keys) as (
    select r.path, r.depth, array['2', r.path]
      from relevant as r
     where r.parent_path is null
     union all
    select r.path, r.depth, t.sort_keys || array['2', r.path]
      from tree as t
      join relevant as r on r.parent_path = t.path
  ), steps (step_type, script_path, directory, depth, sort_keys) as (
    select 'fixture', f.path, t.path, t.depth, t.sort_keys || array['0', f.filename]
      from tree as t
      join pg_temp._pgmi_test_source as f on f.directory = t.path and f.is_fixture
     union all
    select 'test', m.path, t.path, t.depth, t.sort_keys || array['1', m.filename]
      from tree as t
      join matching as m on m.directory = t.path
     union all
    select 'teardown', null, t.path, t.depth, t.sort_keys || array['3', '']
      from tree as t
  )
  select (row_number() over (order by s.sort_keys collate "C"))::integer,
         s.step_type, s.script_path, s.directory, s.depth
    from steps as s
   order by 1
$body$;

-- The default reporter of test events. Callbacks of projects have the same signature. It is called four times a test: a
-- search_path of its own would cost more than all of its work, hence none here and below, and full names.
create function pg_temp.pgmi_test_callback(e pg_temp.pgmi_test_event)
  returns void
  language plpgsql
as $body$
begin
  if e.event operator(pg_catalog.=) 'test_start' then
    raise notice '[pgmi] Test: %', e.path;
  elsif e.event operator(pg_catalog.=) 'rollback' then
    raise debug '[pgmi] Rollback: %', coalesce(e.path, e.directory);
  elsif e.event operator(pg_catalog.=) 'fixture_start' then
    raise notice '[pgmi] Fixture: %', e.path;
  elsif e.event operator(pg_catalog.=) 'teardown_start' then
    raise debug '[pgmi] Teardown: %', e.directory;
  elsif e.event operator(pg_catalog.=) 'suite_start' then
    raise notice '[pgmi] Test suite started';
  elsif e.event operator(pg_catalog.=) 'suite_end' then
    raise notice '[pgmi] Test suite completed (% steps)', e.ordinal;
  end if;
end
$body$;

-- What pgmi_run_test_source needs to know of a file; from here on it is the one that runs.
create function pg_temp._pgkeep_test_start(_path text, out content text, out kind text, out key bigint, out began bigint)
  language plpgsql
as $body$
declare
  _test pg_temp._pgmi_test_source;
  _untold pg_catalog.int8 := pg_temp._pgkeep_untold();
begin
  select * into _test from pg_temp._pgmi_test_source as t where t.path operator(pg_catalog.=) _path;
  if not found then
    raise exception using
      errcode = 'P0002',
      message = pg_catalog.concat('pgmi: no test file has the path ', _path),
      hint = 'select path from pg_temp.pgmi_test_source_view lists the paths.';
  end if;
  kind := case when _test.is_fixture then 'fixture' else 'test' end;
  key := pg_temp._pgkeep_key(_test.content);
  content := _test.content;
  if _untold operator(pg_catalog.=) 0 then
    content := pg_temp._pgkeep_marked(content, key);
  end if;
  began := pg_temp._pgkeep_clock();
  perform pg_catalog.setval('pg_temp._pgkeep_at', key operator(pg_catalog.+) _untold);
end
$body$;

-- Tells the client that a test file ended: well when _context is null, else with the place where it failed. One message
-- says when it began as well: each is sent at once and costs the server more than a small test does.
create function pg_temp._pgkeep_test_end(_path text, _kind text, _key bigint, _began bigint, _context text)
  returns void
  language plpgsql
as $body$
declare
  _at pg_catalog.int8 := pg_catalog.pg_sequence_last_value('pg_temp._pgkeep_at'::pg_catalog.regclass);
  _statements pg_catalog.int8 := _at operator(pg_catalog.%) 1048576::pg_catalog.int8;
begin
  raise info using
    errcode = 'PGK01',
    message = _path,
    detail = pg_catalog.concat_ws(' ',
      pg_catalog.concat(_kind, case when _context is null then '_end' else '_failed' end),
      pg_temp._pgkeep_clock(), _key, _began,
      case
        when _at operator(pg_catalog.-) _statements operator(pg_catalog.=) _key
             and _statements operator(pg_catalog.<>) 1048575
             and exists (select from pg_temp._pgkeep_marks as m where m.key operator(pg_catalog.=) _key)
          then _statements
      end),
    hint = coalesce(_context, '');
  if _context is null then
    perform pg_catalog.setval('pg_temp._pgkeep_at', 1);
  end if;
end
$body$;

-- Runs one test file. An error comes back as "Failed in <path>: <message>" with everything else it carried. The file
-- runs under the search_path of the project, hence no setting here either.
create function pg_temp.pgmi_run_test_source(p_path text)
  returns void
  language plpgsql
as $body$
declare
  _test pg_catalog.record;
  _message pg_catalog.text;
  _state pg_catalog.text;
  _detail pg_catalog.text;
  _hint pg_catalog.text;
  _context pg_catalog.text;
  _column pg_catalog.text;
  _constraint pg_catalog.text;
  _type pg_catalog.text;
  _table pg_catalog.text;
  _schema pg_catalog.text;
begin
  _test := pg_temp._pgkeep_test_start(p_path);
  begin
    execute _test.content;
  exception
    when assert_failure or others then
      get stacked diagnostics
        _message = message_text,
        _state = returned_sqlstate,
        _detail = pg_exception_detail,
        _hint = pg_exception_hint,
        _context = pg_exception_context,
        _column = column_name,
        _constraint = constraint_name,
        _type = pg_datatype_name,
        _table = table_name,
        _schema = schema_name;
      perform pg_temp._pgkeep_test_end(p_path, _test.kind, _test.key, _test.began, _context);
      raise exception using
        errcode = _state,
        message = pg_catalog.concat('Failed in ', p_path, ': ', _message),
        detail = _detail,
        hint = _hint,
        column = _column,
        constraint = _constraint,
        datatype = _type,
        table = _table,
        schema = _schema;
  end;
  perform pg_temp._pgkeep_test_end(p_path, _test.kind, _test.key, _test.began, null);
end
$body$;

-- The text that CALL pgmi_test(...) becomes: callbacks, savepoints and calls of pgmi_run_test_source. For statements
-- sent one by one or together by a client; EXECUTE cannot run it, because it holds SAVEPOINT.
-- Savepoints are numbered through: __pgmi_dN__ opens a directory, __pgmi_tN__ comes before its first test.
create function pg_temp.pgmi_test_generate(
  p_pattern text default null,
  p_callback text default 'pg_temp.pgmi_test_callback'
)
  returns text
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  _text text;
  _steps integer;
begin
  if p_callback is null
     or p_callback !~ '^[A-Za-z_][A-Za-z0-9_]{0,62}([.][A-Za-z_][A-Za-z0-9_]{0,62})?$' then
    raise exception using
      errcode = '22023',
      message = concat('Invalid test callback: ', coalesce(p_callback, 'null')),
      hint = 'Give the name of a function of one argument of type pg_temp.pgmi_test_event, such as my_schema.my_callback.';
  end if;

  with numbered as (
    select p.*,
           p.step_type <> 'teardown'
             and row_number() over (partition by p.directory, p.step_type = 'teardown' order by p.ordinal) = 1
             as opens_directory,
           p.step_type = 'test'
             and row_number() over (partition by p.directory, p.step_type order by p.ordinal) = 1 as opens_tests
      from pg_temp.pgmi_test_plan(p_pattern) as p
  ), counted as (
    select n.*,
           sum(n.opens_directory::integer + n.opens_tests::integer) over (order by n.ordinal) as opened
      from numbered as n
  ), named as (
    select c.*,
           '__pgmi_d' || max(case when c.opens_directory then c.opened - c.opens_tests::integer end)
             over (partition by c.directory) || '__' as directory_savepoint,
           '__pgmi_t' || max(case when c.opens_tests then c.opened end)
             over (partition by c.directory) || '__' as test_savepoint
      from counted as c
  ), written as (
    select s.ordinal,
           concat(
             case when s.opens_directory then format(E'SAVEPOINT %s;\n', s.directory_savepoint) end,
             case when s.opens_tests then format(E'SAVEPOINT %s;\n', s.test_savepoint) end,
             format(E'SELECT %s(ROW(%L, %L, %L, %s, %s, NULL)::pg_temp.pgmi_test_event);\n', p_callback,
               s.step_type || '_start', s.script_path, s.directory, s.depth, s.ordinal),
             case
               when s.step_type = 'teardown' then
                 case when s.directory_savepoint is not null then
                   format(E'ROLLBACK TO SAVEPOINT %1$s;\nRELEASE SAVEPOINT %1$s;\n', s.directory_savepoint)
                 end
               else format(E'SELECT pg_temp.pgmi_run_test_source(%L);\n', s.script_path)
             end,
             format(E'SELECT %s(ROW(%L, %L, %L, %s, %s, NULL)::pg_temp.pgmi_test_event);\n', p_callback,
               s.step_type || '_end', s.script_path, s.directory, s.depth, s.ordinal),
             case when s.step_type = 'test' then
               format(E'SELECT %s(ROW(%L, %L, %L, %s, %s, NULL)::pg_temp.pgmi_test_event);\nROLLBACK TO SAVEPOINT %s;\n',
                 p_callback, 'rollback', s.script_path, s.directory, s.depth, s.ordinal, s.test_savepoint)
             end
           ) as step
      from named as s
  )
  select string_agg(w.step, '' order by w.ordinal), max(w.ordinal)
    into _text, _steps
    from written as w;

  if _text is null then
    return concat(
      'DO $pgmi$ BEGIN RAISE EXCEPTION USING ERRCODE = ''P0002'', MESSAGE = ''',
      case when p_pattern is null then 'pgmi: no tests were discovered'
           else 'pgmi: no tests matched the requested pattern' end,
      ''', HINT = ''',
      case when p_pattern is null then 'Put tests into a __test__ directory, or remove the call of pgmi_test.'
           else 'The pattern is a regular expression matched against whole paths such as ./orders/__test__/test_total.sql.'
      end,
      E'''; END $pgmi$;\n'
    );
  end if;

  return concat(
    format(E'SELECT %s(ROW(''suite_start'', NULL, '''', 0, 0, NULL)::pg_temp.pgmi_test_event);\n', p_callback),
    _text,
    format(E'SELECT %s(ROW(''suite_end'', NULL, '''', 0, %s, NULL)::pg_temp.pgmi_test_event);\n', p_callback, _steps)
  );
end
$body$;

-- Writes the test plan to <schema>.pgmi_test_plan, which is created if missing and replaced if not. The schema's owner
-- may have put triggers on that table, so names are written out in full.
create function pg_temp.pgmi_persist_test_plan(target_schema text, p_pattern text default null)
  returns void
  language plpgsql
as $body$
declare
  _table pg_catalog.text := pg_catalog.format('%I.pgmi_test_plan', target_schema);
begin
  if pg_catalog.to_regclass(_table) is null then
    execute pg_catalog.format(
      'create table %s (
         ordinal pg_catalog.int4 primary key,
         step_type pg_catalog.text,
         script_path pg_catalog.text,
         directory pg_catalog.text,
         depth pg_catalog.int4
       )', _table);
  end if;
  execute pg_catalog.format('delete from %s', _table);
  execute pg_catalog.format(
    'insert into %s (ordinal, step_type, script_path, directory, depth)
     select p.ordinal, p.step_type, p.script_path, p.directory, p.depth
       from pg_temp.pgmi_test_plan($1) as p', _table)
    using p_pattern;
end
$body$;

grant execute on function pg_temp.pgmi_has_tests(text, text), pg_temp.pgmi_test_plan(text),
  pg_temp.pgmi_test_callback(pg_temp.pgmi_test_event), pg_temp._pgkeep_test_start(text),
  pg_temp._pgkeep_test_end(text, text, bigint, bigint, text), pg_temp.pgmi_run_test_source(text),
  pg_temp.pgmi_test_generate(text, text), pg_temp.pgmi_persist_test_plan(text, text) to public;
