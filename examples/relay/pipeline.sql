-- Tables of a shop, and the way of its events: orders are written to an outbox, a relay carries those worth a parcel to
-- the inbox of the warehouse. Here both are in one database, so that nothing else is needed to try it:
--
--   pgkeep relay install -d shop --roles
--   psql -d shop -f examples/relay/pipeline.sql
--   DATABASE_URL=postgresql://app@localhost/shop node examples/relay/publish.mjs book 12.50
--   pgkeep relay run --until-idle -d shop -U a_login_in_role_tide_relay
--   DATABASE_URL=postgresql://app@localhost/shop node examples/relay/consume.mjs
--
-- For a broker or a partner change sink_type and config; docs/reference/sinks.md has all of them.
begin;

create table shop_order (
  id bigint generated always as identity primary key,
  article text not null,
  total numeric(12, 2) not null
);
create table parcel (
  order_id bigint primary key,
  article text not null
);

select tide.outbox_create('orders', p_retention_hours => 72);
select tide.inbox_create('warehouse', p_max_retries => 5);
select tide.inbox_grant_deliver('warehouse', 'tide_relay');

select tide.relay_set_outbox_v2('{
  "name": "orders-to-warehouse",
  "outbox": "orders",
  "sink_type": "inbox",
  "config": {"inbox": "warehouse"},
  "transform": {"filter": "payload.total > `0`"},
  "routing": {"default_template": "shop.{event_type}"},
  "order_key": "payload.order",
  "on_schema_change": "warn",
  "retry": {"max_retries": 3, "backoff_ms": 500, "max_backoff_ms": 30000}
}');

commit;
