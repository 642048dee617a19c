-- Where a deploy is at any moment: which file runs, and which of its statements. This is how a failure that SQL caught
-- and raised again can still be named by file and line, and how each file gets its duration.
--
-- Two channels. Messages (severity INFO, SQLSTATE PGK01) reach the client whatever client_min_messages says and stay
-- out of the server's log by default. The sequence _pgkeep_at holds the place: sequences keep their value through a
-- rollback, so it can be read after a failure. Its value is 1 outside of files, otherwise key * 1048576 + n, where the
-- key stands for the path and n counts the statements that are done.
--
-- Bodies name every object with its schema, because they run under the search_path of the project.

create sequence pg_temp._pgkeep_at;

-- Byte offsets (in UTF-8) of the ends of all statements but the last, of files with several statements.
create table pg_temp._pgkeep_marks (
  path text constraint _pgkeep_marks_pkey primary key,
  ends integer[] not null
);

grant usage, select, update on sequence pg_temp._pgkeep_at to public;
grant select on table pg_temp._pgkeep_marks to public;

-- The number that stands for a path in _pgkeep_at.
create function pg_temp._pgkeep_key(_path text)
  returns bigint
  language sql
  immutable
as $body$
  select ((pg_catalog.hashtext(_path) operator(pg_catalog.&) 2147483647)::pg_catalog.int8 operator(pg_catalog.+) 1)
         operator(pg_catalog.*) 1048576
$body$;

-- The text with a statement after each of its statements but the last, that notes how many are done. Results, row
-- counts and effects are those of the text alone, because nothing follows its last statement.
create function pg_temp._pgkeep_marked(_content text, _path text, _key bigint)
  returns text
  language plpgsql
  stable
as $body$
declare
  _ends pg_catalog.int4[];
  _bytes pg_catalog.bytea;
  _start pg_catalog.int4 := 1;
  _pieces pg_catalog.text[];
begin
  select m.ends into _ends from pg_temp._pgkeep_marks as m where m.path operator(pg_catalog.=) _path;
  if _ends is null then
    return _content;
  end if;
  _bytes := pg_catalog.convert_to(_content, 'UTF8');
  for _n in 1 .. pg_catalog.cardinality(_ends) loop
    _pieces := pg_catalog.array_append(_pieces, pg_catalog.concat(
      pg_catalog.convert_from(
        pg_catalog.substr(_bytes, _start, _ends[_n] operator(pg_catalog.-) _start operator(pg_catalog.+) 1), 'UTF8'),
      'select pg_catalog.setval(''pg_temp._pgkeep_at'',', _key operator(pg_catalog.+) _n, ');'
    ));
    _start := _ends[_n] operator(pg_catalog.+) 1;
  end loop;
  return pg_catalog.concat(
    pg_catalog.array_to_string(_pieces, ''),
    pg_catalog.convert_from(pg_catalog.substr(_bytes, _start), 'UTF8')
  );
end
$body$;

-- Microseconds since 1970 by the server's clock, so that the network does not blur durations.
create function pg_temp._pgkeep_clock()
  returns bigint
  language sql
  volatile
as $body$
  select (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) operator(pg_catalog.*) 1000000.0::pg_catalog.float8)
         ::pg_catalog.int8
$body$;

-- Stands around the expression of each EXECUTE in deploy.sql: announces the file whose text it is, and returns the text
-- to run. Any other text, and NULL, come back unchanged. The last word of the message says how many files have this
-- text, because then the path is only one of several.
create function pg_temp._pgkeep_run(_content text)
  returns text
  language plpgsql
as $body$
declare
  _path pg_catalog.text;
  _count pg_catalog.int8;
  _key pg_catalog.int8;
begin
  select pg_catalog.min(s.path), pg_catalog.count(s.path)
    into _path, _count
    from pg_temp._pgmi_source as s
   where pg_catalog.hashtext(s.content) operator(pg_catalog.=) pg_catalog.hashtext(_content)
     and s.content operator(pg_catalog.=) _content;
  if _path is null then
    return _content;
  end if;
  _key := pg_temp._pgkeep_key(_path);
  raise info using
    errcode = 'PGK01',
    message = _path,
    detail = pg_catalog.concat_ws(' ', 'file_start', pg_temp._pgkeep_clock(), _key, _count);
  _content := pg_temp._pgkeep_marked(_content, _path, _key);
  perform pg_catalog.setval('pg_temp._pgkeep_at', _key);
  return _content;
end
$body$;

-- EXECUTE takes values of any type and runs their text; so does this.
create function pg_temp._pgkeep_run(_content anyelement)
  returns text
  language sql
as $body$
  select pg_temp._pgkeep_run(_content::pg_catalog.text)
$body$;

-- Stands after each of those EXECUTE statements: the place is outside of files again. Always false.
create function pg_temp._pgkeep_done()
  returns boolean
  language plpgsql
as $body$
declare
  _at pg_catalog.int8 := pg_catalog.pg_sequence_last_value('pg_temp._pgkeep_at'::pg_catalog.regclass);
begin
  if _at operator(pg_catalog.>) 1 then
    raise info using
      errcode = 'PGK01',
      message = 'file_end',
      detail = pg_catalog.concat_ws(' ', 'file_end', pg_temp._pgkeep_clock(),
        _at operator(pg_catalog.-) (_at operator(pg_catalog.%) 1048576::pg_catalog.int8));
    return pg_catalog.setval('pg_temp._pgkeep_at', 1) is null;
  end if;
  return false;
end
$body$;

grant execute on function pg_temp._pgkeep_key(text), pg_temp._pgkeep_marked(text, text, bigint),
  pg_temp._pgkeep_clock(), pg_temp._pgkeep_run(text), pg_temp._pgkeep_run(anyelement), pg_temp._pgkeep_done() to public;
