-- What a deploy.sql calls, besides the tests: registering further files and asking about names and patterns.

-- Whether a file's name ends in one of the eight extensions of SQL, in any case.
create function pg_temp.pgmi_is_sql_file(filename text)
  returns boolean
  language sql
  immutable
as $body$
  select filename operator(pg_catalog.~*) '[.](sql|ddl|dml|dql|dcl|psql|pgsql|plpgsql)$'
$body$;

-- The pattern itself when it is a regular expression or null; raises otherwise.
create function pg_temp.pgmi_validate_pattern(p_pattern text)
  returns text
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
begin
  perform '' ~ p_pattern;
  return p_pattern;
exception
  when invalid_regular_expression then
    raise exception using
      errcode = 'P0001',
      message = concat('Invalid regex pattern: ', p_pattern),
      detail = sqlerrm,
      hint = 'Write a POSIX regular expression; it is matched against the path of each test, for example /orders/.';
end
$body$;

-- Adds one file to the project as deploy.sql sees it and returns its row; everything but the checksums is derived.
-- Takes a path in any spelling: blanks around it, backslashes, leading and doubled slashes do not matter.
create function pg_temp.pgmi_register_file(
  in_path text,
  in_content text,
  in_checksum text,
  in_pgmi_checksum text
)
  returns pg_temp._pgmi_source
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  insert into pg_temp._pgmi_source (path, name, directory, extension, depth, content, size_bytes, checksum,
    pgmi_checksum, path_parts, is_sql_file, is_test_file, parent_folder_name)
  select p.path,
         p.parts[cardinality(p.parts)],
         array_to_string(p.parts[1:cardinality(p.parts) - 1], '/') || '/',
         coalesce(substring(p.parts[cardinality(p.parts)] from '[.][A-Za-z0-9]+$'), ''),
         cardinality(p.parts) - 2,
         in_content,
         octet_length(convert_to(in_content, 'UTF8')),
         in_checksum,
         in_pgmi_checksum,
         p.parts,
         pg_temp.pgmi_is_sql_file(p.path),
         p.path ~ '/__tests?__/',
         case when cardinality(p.parts) > 2 then p.parts[cardinality(p.parts) - 1] end
    from (
      select n.path, string_to_array(n.path, '/') as parts
        from (
          select './' || regexp_replace(
                   regexp_replace(replace(btrim(in_path), chr(92), '/'), '/+', '/', 'g'),
                   '^([.]?/)*', ''
                 ) as path
        ) as n
    ) as p
  returning *
$body$;

grant execute on function pg_temp.pgmi_is_sql_file(text), pg_temp.pgmi_validate_pattern(text),
  pg_temp.pgmi_register_file(text, text, text, text) to public;
