-- Two more kinds, which look at a whole text. `secret` is sealed; it signs what a webhook is sent.
alter table guardrails drop constraint guardrails_kind_check;
alter table guardrails add constraint guardrails_kind_check
  check (kind in ('keywords', 'patterns', 'personal_data', 'secrets', 'json_schema', 'webhook'));
alter table guardrails add column secret text;
