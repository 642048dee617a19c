/** The database that verification is tested on: owner, migrator, application, reader, monitor, and the model of it. */
import { inspect } from "../../../../src/access/catalog/inspect.ts";
import type { AccessModel } from "../../../../src/access/model/model.ts";
import { readModel } from "../../../../src/access/model/read.ts";
import type { ProbeOutcome, VerifyReport } from "../../../../src/access/verify/probe.ts";
import { type VerifyOptions, verifyAccess } from "../../../../src/access/verify/verify.ts";
import type { ConnectionSettings, Session } from "../../../../src/pg/session.ts";
import type { TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

export const MODEL = `
version: 1
database: shop
mode: adopt
roles:
  shop_owner: { login: false }
  migrator: { login: true, run_as: shop_owner }
  app_rw: { login: false }
  app_r: { login: false }
  app: { login: true, member_of: [app_rw] }
  reporter: { login: true, member_of: [app_r] }
  monitor: { login: true, member_of: [pg_monitor] }
database_acl: { owner: shop_owner, revoke_public: true, connect: [migrator, app, reporter, monitor] }
schemas:
  public: { revoke_public: [create, usage] }
  app:
    owner: shop_owner
    grants:
      - { to: app_rw, usage: true, tables: [select, insert, update, delete], sequences: [usage], routines: [execute] }
      - { to: app_r, usage: true, tables: [select] }
    defaults_for: [shop_owner]
    exceptions:
      - { table: secret_settings, revoke: all, from: [app_rw, app_r] }
      - { table: users, revoke: all, from: [app_r] }
      - { table: users, columns: { app_r: { select: [id, name] } } }
    routines_public_execute: revoke
    rls:
      - table: orders
        enable: true
        force: true
        policies:
          - { name: own, to: [app_rw], for: all, using: "owner = current_user", check: "owner = current_user" }
`;

/** By hand what an apply of MODEL would do, so that these tests depend on verification alone. */
export async function prepareShop(cluster: TestCluster): Promise<void> {
  const isNew = cluster.major >= 16;
  await cluster.sql(`
    create role shop_owner; create role migrator login password 'm';
    grant shop_owner to migrator ${isNew ? "with inherit false, set true" : ""};
    ${isNew ? "" : "alter role migrator noinherit;"}
    create role app_rw; create role app_r;
    create role app login password 'a' in role app_rw;
    create role reporter login password 'r' in role app_r;
    create role monitor login password 'o' in role pg_monitor`);
  await cluster.sql("alter role migrator set role = 'shop_owner'");
  await cluster.createDatabase("shop", "owner shop_owner");
  await cluster.sql(
    `revoke all on database shop from public;
     grant connect on database shop to migrator, app, reporter, monitor;
     revoke all on schema public from public;
     create schema app authorization shop_owner;
     set role shop_owner;
     create table app.orders (id serial primary key, owner text default current_user, total int);
     create table app.users (id int, name text, email text);
     create table app.secret_settings (key text, value text);
     create view app.big_orders as select * from app.orders where total > 100;
     create function app.total() returns int language sql as 'select 1';
     grant usage on schema app to app_rw, app_r;
     grant select, insert, update, delete on all tables in schema app to app_rw;
     grant usage on all sequences in schema app to app_rw;
     grant select on all tables in schema app to app_r;
     revoke all on app.secret_settings from app_rw, app_r;
     revoke all on app.users from app_r;
     grant select (id, name) on app.users to app_r;
     revoke execute on all routines in schema app from public;
     grant execute on all routines in schema app to app_rw;
     alter default privileges for role shop_owner in schema app grant select, insert, update, delete on tables to app_rw;
     alter default privileges for role shop_owner in schema app grant usage on sequences to app_rw;
     alter default privileges for role shop_owner in schema app grant execute on routines to app_rw;
     alter default privileges for role shop_owner in schema app grant select on tables to app_r;
     alter default privileges for role shop_owner revoke execute on routines from public;
     alter table app.orders enable row level security; alter table app.orders force row level security;
     create policy own on app.orders to app_rw using (owner = current_user) with check (owner = current_user)`,
    { database: "shop" },
  );
}

export function modelOf(text: string): Promise<AccessModel> {
  return readModel(text, { file: "access.yaml" });
}

export interface VerifyRequest {
  model?: string;
  settings?: Partial<ConnectionSettings>;
  options?: Partial<VerifyOptions>;
}

/** Verifies database "shop" as the superuser, or as whoever the settings name. */
export async function verifyShop(cluster: TestCluster, request: VerifyRequest = {}): Promise<VerifyReport> {
  await using session = await connectTo(cluster, { database: "shop", ...request.settings });
  return await verifyOn(session, request);
}

export async function verifyOn(
  session: Session,
  { model = MODEL, options }: VerifyRequest = {},
): Promise<VerifyReport> {
  const compared = { snapshot: await inspect(session), model: await modelOf(model) };
  return await verifyAccess(session, compared, { signal: new AbortController().signal, ...options });
}

/** Probes that match all that is given. */
export function probesOf(report: VerifyReport, wanted: Partial<ProbeOutcome>): ProbeOutcome[] {
  return report.probes.filter((probe) =>
    Object.entries(wanted).every(([key, value]) =>
      Object.entries(probe).some(([name, has]) => name === key && has === value),
    ),
  );
}
