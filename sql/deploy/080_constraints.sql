-- What is cheaper to check and index once the rows are there: run it after loading.
alter table pg_temp._pgmi_source_metadata
  add constraint _pgmi_source_metadata_path_fkey foreign key (path) references pg_temp._pgmi_source;
alter table pg_temp._pgmi_test_source
  add constraint _pgmi_test_source_directory_fkey foreign key (directory) references pg_temp._pgmi_test_directory;

-- Finds a file by the number that stands for its text.
create index _pgkeep_source_key on pg_temp._pgmi_source (pg_temp._pgkeep_key(content));
