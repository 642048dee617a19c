-- Where a deploy is at any moment: which file runs, and which of its statements. This is how a failure that SQL caught
-- and raised again can still be named by file and line, and how each file gets its duration.
--
-- One sequence and three settings hold the state; none of them is a table, because each file passes here twice.
--   _pgkeep_at     where we are. 1 outside of files, otherwise key * 1048576 + n: the key stands for a file's text, n
--                  counts its statements that are done, or is 1048575 when they are not told apart. Sequences keep
--                  their value through a rollback, so it can be read after a failure.
--   pgkeep.began   when the running file began, pgkeep.told when the client was last told (microseconds since 1970).
--   pgkeep.files   what the client has not been told yet: "key:began:ended " of each file.
-- A rollback takes the settings back to what they were at its savepoint: then a file that went with it is not told.
-- The client is told by messages (severity INFO, SQLSTATE PGK01), which reach it whatever client_min_messages says and
-- stay out of the server's log by default. Each costs more than a small file does, so there is one per fifty
-- milliseconds at most, with all files that ended since.
--
-- Bodies name every object with its schema, because they run under the search_path of the project.

create sequence pg_temp._pgkeep_at;

-- Byte offsets (in UTF-8) of the ends of all statements but the last, of texts with several statements. One row per
-- statement, of columns of fixed width: such a table costs the server two files, one with an array would cost four, and
-- making files is what a small deploy waits for.
create table pg_temp._pgkeep_marks (
  key bigint,
  statement integer,
  ends_at integer not null,
  constraint _pgkeep_marks_pkey primary key (key, statement)
);

grant usage, select, update on sequence pg_temp._pgkeep_at to public;
grant select on table pg_temp._pgkeep_marks to public;

-- The number that stands for a text: 42 bits of its hash, above the 20 bits that count statements.
create function pg_temp._pgkeep_key(_content text)
  returns bigint
  language sql
  immutable
as $body$
  select ((pg_catalog.hashtextextended(_content, 0) operator(pg_catalog.&) 4398046511103) operator(pg_catalog.+) 1)
         operator(pg_catalog.*) 1048576
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

-- The text with a statement after each of its statements but the last, that notes how many are done. Results, row
-- counts and effects are those of the text alone, because nothing follows its last statement.
create function pg_temp._pgkeep_marked(_content text, _key bigint)
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
  select pg_catalog.array_agg(m.ends_at order by m.statement using operator(pg_catalog.<))
    into _ends
    from pg_temp._pgkeep_marks as m
   where m.key operator(pg_catalog.=) _key;
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

-- Tells the client about the files in pgkeep.files: one line "file began ended key count path" for each. The count says
-- how many files have that text; the path is one of them. Texts that are no file's are left out.
create function pg_temp._pgkeep_tell(_files text, _now bigint)
  returns void
  language plpgsql
as $body$
declare
  _lines pg_catalog.text;
begin
  perform pg_catalog.set_config('pgkeep.told', _now::pg_catalog.text, false);
  select pg_catalog.string_agg(
           pg_catalog.concat_ws(' ', 'file', e.began, e.ended, e.key, f.count, f.path),
           pg_catalog.chr(10)
           order by e.began::pg_catalog.int8 using operator(pg_catalog.<)
         )
    into _lines
    from (
      select pg_catalog.split_part(w.word, ':', 1) as key,
             pg_catalog.split_part(w.word, ':', 2) as began,
             pg_catalog.split_part(w.word, ':', 3) as ended
        from pg_catalog.unnest(pg_catalog.string_to_array(pg_catalog.rtrim(_files), ' ')) as w (word)
    ) as e
   cross join lateral (
      select pg_catalog.min(s.path) as path, pg_catalog.count(s.path) as count
        from pg_temp._pgmi_source as s
       where pg_temp._pgkeep_key(s.content) operator(pg_catalog.=) e.key::pg_catalog.int8
    ) as f
   where f.path is not null;
  if _lines is not null then
    raise info using errcode = 'PGK01', message = 'files', detail = _lines;
  end if;
end
$body$;

-- What is added to the key of a text whose statements are not told apart. Their ends were found by the standard's rules
-- for literals; under the old ones a note could end up inside a literal.
create function pg_temp._pgkeep_untold()
  returns bigint
  language sql
  stable
as $body$
  select case
           when pg_catalog.current_setting('standard_conforming_strings') operator(pg_catalog.=) 'on' then 0::pg_catalog.int8
           else 1048575::pg_catalog.int8
         end
$body$;

-- Stands around the expression of each EXECUTE in deploy.sql: notes which text runs from when on, and returns the text
-- to run. NULL comes back as NULL.
create function pg_temp._pgkeep_run(_content text)
  returns text
  language plpgsql
as $body$
declare
  _key pg_catalog.int8 := pg_temp._pgkeep_key(_content);
  _untold pg_catalog.int8 := pg_temp._pgkeep_untold();
begin
  if _key is null then
    return null;
  end if;
  -- Said when there are no marks, and not when there are: RESET ALL must not take them away.
  if _untold operator(pg_catalog.=) 0
     and coalesce(pg_catalog.current_setting('pgkeep.marks', true), '') operator(pg_catalog.<>) 'none' then
    _content := pg_temp._pgkeep_marked(_content, _key);
  end if;
  perform pg_catalog.set_config('pgkeep.began', pg_temp._pgkeep_clock()::pg_catalog.text, false);
  perform pg_catalog.setval('pg_temp._pgkeep_at', _key operator(pg_catalog.+) _untold);
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

-- Stands after each of those EXECUTE statements: the place is outside of files again. Always false. A file that ran
-- another one has lost its beginning by then, and is passed over.
create function pg_temp._pgkeep_done()
  returns boolean
  language plpgsql
as $body$
declare
  _at pg_catalog.int8 := pg_catalog.pg_sequence_last_value('pg_temp._pgkeep_at'::pg_catalog.regclass);
  _now pg_catalog.int8 := pg_temp._pgkeep_clock();
  _began pg_catalog.text := pg_catalog.current_setting('pgkeep.began', true);
  _told pg_catalog.text := pg_catalog.current_setting('pgkeep.told', true);
  _files pg_catalog.text;
begin
  if _at operator(pg_catalog.=) 1 then
    return false;
  end if;
  -- Empty before the first file, and after a RESET ALL of the project.
  if _began operator(pg_catalog.=) '' then
    _began := _now::pg_catalog.text;
  end if;
  if _told is null or _told operator(pg_catalog.=) '' then
    _told := '0';
  end if;
  _at := pg_catalog.setval('pg_temp._pgkeep_at', 1) operator(pg_catalog.+) _at operator(pg_catalog.-) 1;
  _files := pg_catalog.concat(
    pg_catalog.current_setting('pgkeep.files', true),
    _at operator(pg_catalog.-) (_at operator(pg_catalog.%) 1048576::pg_catalog.int8),
    ':', _began, ':', _now, ' '
  );
  if _now operator(pg_catalog.-) _told::pg_catalog.int8 operator(pg_catalog.>) 50000
     or pg_catalog.octet_length(_files) operator(pg_catalog.>) 8000 then
    perform pg_temp._pgkeep_tell(_files, _now);
    _files := '';
  end if;
  return pg_catalog.set_config('pgkeep.files', _files, false) is null;
end
$body$;

-- Tells the client what it has not been told yet; for the end of a deploy.
create function pg_temp._pgkeep_flush()
  returns void
  language plpgsql
as $body$
declare
  _files pg_catalog.text := pg_catalog.current_setting('pgkeep.files', true);
begin
  if _files operator(pg_catalog.<>) '' then
    perform pg_temp._pgkeep_tell(_files, pg_temp._pgkeep_clock());
    perform pg_catalog.set_config('pgkeep.files', '', false);
  end if;
end
$body$;

grant execute on function pg_temp._pgkeep_key(text), pg_temp._pgkeep_clock(), pg_temp._pgkeep_marked(text, bigint),
  pg_temp._pgkeep_untold(),
  pg_temp._pgkeep_tell(text, bigint), pg_temp._pgkeep_run(text), pg_temp._pgkeep_run(anyelement),
  pg_temp._pgkeep_done(), pg_temp._pgkeep_flush() to public;
