-- The table of users. Safe to run again: everything here asks first whether it is there.

create table if not exists public."user" (
  id bigint generated always as identity primary key,
  email text not null unique,
  name text,
  created_at timestamptz not null default now()
);

comment on table public."user" is 'People who may use the application.';

-- Outside production there is somebody to log in as. The address is parameter admin_email.
do $seed$
begin
  if coalesce(nullif(current_setting('pgmi.env', true), ''), 'development') <> 'production' then
    insert into public."user" (email, name)
    values (
      coalesce(nullif(current_setting('pgmi.admin_email', true), ''), 'admin@example.com'),
      'Administrator'
    )
    on conflict (email) do nothing;
  end if;
end;
$seed$;
