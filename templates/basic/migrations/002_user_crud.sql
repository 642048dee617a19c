-- How the application reads and writes users. The functions run with the rights of whoever calls them, and their bodies
-- are bound to the table when they are made, so no search_path of a caller can point them elsewhere.

create or replace function public.upsert_user(p_email text, p_name text default null)
  returns public."user"
  language sql
begin atomic
  insert into public."user" as u (email, name)
  values (p_email, p_name)
  on conflict (email) do update
     set name = coalesce(excluded.name, u.name)
  returning u.*;
end;
comment on function public.upsert_user(text, text) is
  'Makes the user with this address, or renames the one there is; without a name the old one stays.';

create or replace function public.get_user(p_email text)
  returns setof public."user"
  language sql
  stable
begin atomic
  select u.* from public."user" as u where u.email = p_email;
end;
comment on function public.get_user(text) is 'The user with this address, or no row.';

create or replace function public.delete_user(p_email text)
  returns boolean
  language sql
begin atomic
  with gone as (
    delete from public."user" as u where u.email = p_email returning u.id
  )
  select exists (select from gone);
end;
comment on function public.delete_user(text) is 'Removes the user with this address; says whether there was one.';
