-- Where 0001_tables.sql is run once beside the tables of pg_tide, to see which columns those lack (adopt_columns.sql).
create schema tide_shape;
