-- People who oversee a whole organization and change nothing in it.
alter table organization_members drop constraint organization_members_role_check;
alter table organization_members add constraint organization_members_role_check
  check (role in ('owner', 'admin', 'auditor', 'member'));

-- Lists of members page by this order.
create index organization_members_in_order on organization_members (organization_id, created_at, user_id);
create index project_members_in_order on project_members (project_id, created_at, user_id);
create index project_members_by_user on project_members (user_id);
create index api_keys_by_creator on api_keys (created_by) where revoked_at is null;
