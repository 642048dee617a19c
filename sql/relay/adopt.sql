-- Between schema.sql and the migrations: what pg_tide or an earlier owner left becomes the owner's.
select;
