-- The statements that verification tries, one per "-- probe: name". Each is rolled back whatever becomes of it.
-- :object, :schema, :name, :column and :role stand for quoted names and are replaced before a statement is sent.
--
-- Those on existing objects are sent only for roles that the catalog says will be refused: the server checks the right
-- before it waits for a lock, and lock_timeout covers the few forms that look first.

-- probe: alter table
alter table :object set (fillfactor = 100);

-- probe: drop table
drop table :object;

-- probe: create index
create index on :object (:column);

-- probe: comment on table
comment on table :object is null;

-- probe: enable row security
alter table :object enable row level security;

-- probe: create policy
create policy pgkeep_probe on :object;

-- probe: create trigger
create trigger pgkeep_probe before insert on :object for each row
  execute function pg_catalog.suppress_redundant_updates_trigger();

-- probe: truncate
truncate only :object;

-- probe: alter view
alter view :object set (security_barrier = true);

-- probe: drop view
drop view :object;

-- probe: drop materialized view
drop materialized view :object;

-- probe: refresh
refresh materialized view :object;

-- probe: drop foreign table
drop foreign table :object;

-- probe: alter sequence
alter sequence :object cycle;

-- probe: drop sequence
drop sequence :object;

-- probe: drop routine
drop routine :object;

-- probe: alter schema
alter schema :schema rename to pgkeep_probe;

-- probe: drop schema
drop schema :schema;

-- probe: create table
create table :schema.:name (id pg_catalog.int4, note pg_catalog.text);

-- probe: create serial table
create table :schema.:name (id serial, note pg_catalog.text);

-- probe: create view
create view :schema.:name as select 1 as one;

-- probe: create function
create function :schema.:name() returns pg_catalog.int4 language sql as 'select 1';

-- probe: create type
create type :schema.:name as (one pg_catalog.int4);

-- probe: create schema
create schema :name;

-- probe: create publication
create publication :name;

-- probe: create temporary table
create temporary table :name (one pg_catalog.int4);

-- probe: create role
create role :name;

-- probe: alter self createdb
alter role :role createdb;

-- probe: alter self createrole
alter role :role createrole;

-- probe: alter self connection limit
alter role :role connection limit 7;

-- probe: alter self valid until
alter role :role valid until 'infinity';

-- probe: alter self set
alter role :role set application_name = 'pgkeep';
