-- The second wall between projects: what is read in the name of a principal runs as `llamp_app`, which sees the rows of
-- the project in `llamp.project_id` and may change nothing. The owner of the tables, as whom everything else runs, is
-- not bound by it.

-- Roles belong to the whole server: another database of it may have made this one, or be making it now.
do $$
begin
  if not exists (select from pg_roles where rolname = 'llamp_app') then
    create role llamp_app nologin noinherit nobypassrls;
  end if;
exception
  when duplicate_object or unique_violation then null;
  when insufficient_privilege then
    raise exception using errcode = 'insufficient_privilege',
      message = format('the role llamp_app is missing and "%s" may not create roles; as an administrator, run '
        'CREATE ROLE llamp_app NOLOGIN; GRANT llamp_app TO "%s"; and migrate again', current_user, current_user);
end
$$;

do $$
declare
  -- Before PostgreSQL 16 every member may take the role.
  taking text := case when current_setting('server_version_num')::int < 160000 then 'member' else 'set' end;
begin
  if exists (select from pg_roles where rolname = 'llamp_app' and (rolsuper or rolbypassrls)) then
    raise exception 'the role llamp_app must be neither SUPERUSER nor BYPASSRLS';
  end if;
  if not pg_has_role(current_user, 'llamp_app', taking) then
    execute format('grant llamp_app to %I', current_user);
  end if;
exception
  when unique_violation then null;
  when insufficient_privilege then
    raise exception using errcode = 'insufficient_privilege',
      message = format('"%s" may not act as the role llamp_app; as an administrator, run '
        'GRANT llamp_app TO "%s"; and migrate again', current_user, current_user);
end
$$;

do $$
begin
  if not has_schema_privilege('llamp_app', current_schema(), 'usage') then
    execute format('grant usage on schema %I to llamp_app', current_schema());
  end if;
end
$$;

-- For this migration and for each later one that makes a table with project_id. Partitions need nothing: the role
-- reaches them through their table alone. What holds hashes of credentials is not read in the name of a principal.
create function protect_project_rows(protected regclass) returns void language plpgsql as $$
begin
  execute format('alter table %s enable row level security', protected);
  execute format('create policy own_project on %s to llamp_app using (project_id = current_setting(%L, true))',
    protected, 'llamp.project_id');
  if not exists (select from pg_attribute where attrelid = protected and attname like '%\_hash') then
    execute format('grant select on %s to llamp_app', protected);
  end if;
end
$$;

select protect_project_rows(c.oid) from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id' and not a.attisdropped
  where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition;
