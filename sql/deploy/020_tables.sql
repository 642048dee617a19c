-- The project as tables: its files, their metadata, its tests and its parameters. One row per file, key or directory.
-- Names, columns and their order are public (session API, level 1); they live until the session ends.
-- Content is stored uncompressed: it is read once or twice and compressing costs more than loading.

create table pg_temp._pgmi_source (
  path text
    constraint _pgmi_source_pkey primary key
    constraint _pgmi_source_path_check check (path like './_%' and right(path, 1) <> '/' and strpos(path, '//') = 0 and strpos(path, chr(92)) = 0),
  name text not null
    constraint _pgmi_source_name_check check (btrim(name) <> ''),
  directory text not null,
  extension text not null
    constraint _pgmi_source_extension_check check (extension ~ '^([.][A-Za-z0-9]+)?$'),
  depth integer not null
    constraint _pgmi_source_depth_check check (depth between 0 and 100),
  content text not null,
  size_bytes bigint not null,
  checksum text not null
    constraint _pgmi_source_checksum_check check (length(checksum) between 32 and 64 and checksum !~ '[^0-9a-fA-F]'),
  pgmi_checksum text not null
    constraint _pgmi_source_pgmi_checksum_check check (length(pgmi_checksum) between 32 and 64 and pgmi_checksum !~ '[^0-9a-fA-F]'),
  path_parts text[] not null,
  is_sql_file boolean not null,
  is_test_file boolean not null
    constraint _pgmi_source_is_test_file_check check (not is_test_file and strpos(path, '/__test__/') = 0 and strpos(path, '/__tests__/') = 0),
  parent_folder_name text,
  -- Bytes of UTF-8, whatever the encoding of the database.
  constraint _pgmi_source_size_check check (octet_length(convert_to(content, 'UTF8')) = size_bytes)
);
alter table pg_temp._pgmi_source alter column content set storage external;

create table pg_temp._pgmi_source_metadata (
  path text constraint _pgmi_source_metadata_pkey primary key,
  id uuid not null,
  idempotent boolean not null,
  sort_keys text[] not null,
  description text not null
);

create table pg_temp._pgmi_test_directory (
  path text constraint _pgmi_test_directory_pkey primary key,
  parent_path text,
  depth integer not null
);

create table pg_temp._pgmi_test_source (
  path text constraint _pgmi_test_source_pkey primary key,
  directory text not null,
  filename text not null,
  content text not null,
  is_fixture boolean not null
);
alter table pg_temp._pgmi_test_source alter column content set storage external;

create table pg_temp._pgmi_parameter (
  key text
    constraint _pgmi_parameter_pkey primary key
    constraint _pgmi_parameter_key_check check (key ~ '^[[:alnum:]_]+$'),
  value text,
  type text not null default 'text'
    constraint _pgmi_parameter_type_check check (type in ('text', 'int', 'integer', 'bigint', 'numeric', 'boolean',
      'bool', 'uuid', 'timestamp', 'timestamptz', 'name')),
  required boolean not null default false,
  default_value text,
  description text
);

-- One event of the test run, as callbacks receive it.
create type pg_temp.pgmi_test_event as (
  event text,
  path text,
  directory text,
  depth integer,
  ordinal integer,
  context jsonb
);

grant select on table pg_temp._pgmi_source, pg_temp._pgmi_source_metadata, pg_temp._pgmi_test_directory,
  pg_temp._pgmi_test_source, pg_temp._pgmi_parameter to public;
