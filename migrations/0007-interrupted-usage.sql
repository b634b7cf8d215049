-- A call that was under way when its process died: what the upstream did for it is only estimated.

alter table usage_records drop constraint usage_records_status_check;
alter table usage_records add constraint usage_records_status_check
  check (status in ('completed', 'truncated', 'aborted', 'failed', 'interrupted'));
