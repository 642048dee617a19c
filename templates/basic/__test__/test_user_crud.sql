-- Users can be made, read, renamed and removed. Comparisons use IS DISTINCT FROM, so that a missing row fails the test
-- instead of making it NULL.

do $test$
declare
  v_user public."user";
begin
  v_user := public.upsert_user('new@test.example', 'New');
  if v_user.email is distinct from 'new@test.example' or v_user.name is distinct from 'New' then
    raise exception 'upsert_user made %', v_user;
  end if;

  select * into v_user from public.get_user('ada@test.example');
  if v_user.name is distinct from 'Ada' then
    raise exception 'get_user found % instead of Ada', v_user.name;
  end if;

  perform public.upsert_user('ada@test.example', null);
  select * into v_user from public.get_user('ada@test.example');
  if v_user.name is distinct from 'Ada' then
    raise exception 'a NULL name replaced Ada by %', v_user.name;
  end if;

  perform public.upsert_user('ada@test.example', 'Ada Lovelace');
  select * into v_user from public.get_user('ada@test.example');
  if v_user.name is distinct from 'Ada Lovelace' then
    raise exception 'the new name did not arrive: %', v_user.name;
  end if;

  if exists (select from public.get_user('nobody@test.example')) then
    raise exception 'get_user found somebody who does not exist';
  end if;

  if public.delete_user('grace@test.example') is distinct from true then
    raise exception 'delete_user did not report the user it removed';
  end if;
  if exists (select from public.get_user('grace@test.example')) then
    raise exception 'the removed user is still there';
  end if;
  if public.delete_user('grace@test.example') is distinct from false then
    raise exception 'delete_user reported a user that was not there';
  end if;
end;
$test$;
