-- One sealed text that every start opens: with another key it would run, and fail at the first stored secret only.
create table secret_canary (
  id int primary key check (id = 1),
  envelope text not null,
  created_at timestamptz not null
);
