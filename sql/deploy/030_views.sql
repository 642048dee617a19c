-- What a deploy.sql reads. Plain views, so that rows a project registers later appear in them.

create temporary view pg_temp.pgmi_source_view as
  select path, name, directory, extension, depth, content, size_bytes, checksum, pgmi_checksum, path_parts,
         is_sql_file, is_test_file, parent_folder_name
    from pg_temp._pgmi_source;

create temporary view pg_temp.pgmi_parameter_view as
  select key, value, type, required, default_value, description
    from pg_temp._pgmi_parameter;

create temporary view pg_temp.pgmi_source_metadata_view as
  select path, id, idempotent, sort_keys, description
    from pg_temp._pgmi_source_metadata;

create temporary view pg_temp.pgmi_test_source_view as
  select path, directory, filename, content, is_fixture
    from pg_temp._pgmi_test_source;

create temporary view pg_temp.pgmi_test_directory_view as
  select path, parent_path, depth
    from pg_temp._pgmi_test_directory;

-- One row per file and sort key, in the order to run them. The fallback id is the MD5 of the path's UTF-8 bytes: an
-- identity for ledgers, not a protection.
create temporary view pg_temp.pgmi_plan_view as
  select s.path,
         s.content,
         s.pgmi_checksum as checksum,
         md5(convert_to(s.path, 'UTF8'))::uuid as generic_id,
         m.id,
         coalesce(m.idempotent, true) as idempotent,
         coalesce(m.description, '') as description,
         k.sort_key,
         row_number() over (order by k.sort_key collate "C", s.path collate "C") as execution_order
    from pg_temp._pgmi_source as s
    left join pg_temp._pgmi_source_metadata as m on m.path = s.path
   cross join lateral unnest(
           case when cardinality(m.sort_keys) > 0 then m.sort_keys else array[s.path] end
         ) as k (sort_key);

grant select on table pg_temp.pgmi_source_view, pg_temp.pgmi_parameter_view, pg_temp.pgmi_source_metadata_view,
  pg_temp.pgmi_test_source_view, pg_temp.pgmi_test_directory_view, pg_temp.pgmi_plan_view to public;
