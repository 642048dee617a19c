-- What every test of this directory finds. The deploy undoes it after the last test.

insert into public."user" (email, name)
values
  ('ada@test.example', 'Ada'),
  ('grace@test.example', 'Grace'),
  ('alan@test.example', 'Alan');
