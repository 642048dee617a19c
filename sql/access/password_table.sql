-- Where password verifiers wait for their statement. They arrive by COPY, whose data no log and no statistics keep.
-- Gone with the transaction, and nobody else's session can read it.
create temporary table pgkeep_passwords (
  statement int  not null,
  role      text not null,
  verifier  text not null
) on commit drop;
