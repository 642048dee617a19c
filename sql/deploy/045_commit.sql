-- The number of a transaction that is about to commit, told to the client just before, so that the transaction's fate can
-- be asked for when the connection breaks before the answer to COMMIT arrives. The message is sent at once, costs no
-- round trip, and stays out of the server's log by default. A transaction that wrote nothing has no number, and then
-- there is nothing to ask. What the client has not been told about files yet is told as well.
create function pg_temp._pgkeep_transaction()
  returns void
  language plpgsql
as $body$
begin
  perform pg_temp._pgkeep_flush();
  if pg_catalog.txid_current_if_assigned() is not null then
    raise info using
      errcode = 'PGK01',
      message = pg_catalog.txid_current_if_assigned()::pg_catalog.text,
      detail = 'transaction';
  end if;
end
$body$;

grant execute on function pg_temp._pgkeep_transaction() to public;
