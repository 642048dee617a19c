-- Where everything but the source files arrives, told apart by kind: parameters, metadata, test directories, tests and
-- marks. The client's statements empty it into the tables above and drop it. The first column exists for the server's
-- own error messages: when a COPY is cancelled they quote the first hundred characters of a line, and those must not
-- be the value of a parameter.
create table pg_temp._pgkeep_load (
  cover text,
  kind text not null,
  key text not null,
  parent text,
  words text[],
  ends integer[],
  fact boolean,
  number integer,
  body text
);
alter table pg_temp._pgkeep_load alter column body set storage external;
