import { curve, type Dashboard, number, quantile } from './panel.ts';

const HTTP: Dashboard = {
  uid: 'llamp-http',
  title: 'Llamp: HTTP',
  panels: [
    number('Requests per second', 'reqps', 'sum(rate(llamp_http_requests_total[5m]))'),
    number('Part that failed (5xx)', 'percentunit', 'llamp:http_errors:ratio5m'),
    number('Being answered now', 'short', 'sum(llamp_http_requests_in_flight)'),
    curve('Requests by status', 'reqps', [
      'sum by (status) (rate(llamp_http_requests_total[5m]))',
      '{{status}}',
    ]),
    curve(
      'Time to the last byte',
      's',
      [quantile(0.5, 'llamp_http_request_duration_seconds'), 'p50'],
      [quantile(0.95, 'llamp_http_request_duration_seconds'), 'p95'],
      [quantile(0.99, 'llamp_http_request_duration_seconds'), 'p99'],
    ),
    curve('Slowest routes, p95', 's', [
      `topk(10, ${quantile(0.95, 'llamp_http_request_duration_seconds', 'route')})`,
      '{{route}}',
    ]),
    curve('Busiest routes', 'reqps', [
      'topk(10, sum by (route) (rate(llamp_http_requests_total[5m])))',
      '{{route}}',
    ]),
    curve(
      'Refused',
      'reqps',
      ['sum(rate(llamp_http_requests_total{status=~"401|403"}[5m])) or vector(0)', 'no access'],
      ['sum(rate(llamp_http_requests_total{status="429"}[5m])) or vector(0)', 'a limit'],
    ),
  ],
};

const GATEWAY: Dashboard = {
  uid: 'llamp-gateway',
  title: 'Llamp: gateway and money',
  panels: [
    number('Upstream requests per second', 'reqps', 'sum(rate(llamp_upstream_requests_total[5m]))'),
    number(
      'Part that upstreams failed',
      'percentunit',
      '(sum(rate(llamp_upstream_requests_total{outcome!~"ok|aborted"}[5m])) or vector(0)) / sum(rate(llamp_upstream_requests_total[5m]))',
    ),
    number('Own time, p99', 's', quantile(0.99, 'llamp_gateway_overhead_seconds')),
    curve('Upstream requests by outcome', 'reqps', [
      'sum by (outcome) (rate(llamp_upstream_requests_total[5m]))',
      '{{outcome}}',
    ]),
    curve('First token, p95', 's', [
      quantile(0.95, 'llamp_upstream_first_token_seconds', 'model'),
      '{{model}}',
    ]),
    curve('Whole upstream request, p95', 's', [
      quantile(0.95, 'llamp_upstream_request_duration_seconds', 'deployment'),
      '{{deployment}}',
    ]),
    curve('Deployments', 'short', [
      'min by (deployment) (llamp_deployment_health)',
      '{{deployment}}',
    ]),
    curve('Tokens per second', 'short', [
      'sum by (direction) (rate(llamp_tokens_total[5m]))',
      '{{direction}}',
    ]),
    curve('Tokens per hour by model', 'short', [
      'topk(10, sum by (model) (increase(llamp_tokens_total[1h])))',
      '{{model}}',
    ]),
    curve('Fullest budget', 'percentunit', [
      'max by (period) (llamp_budget_used_ratio)',
      '{{period}}',
    ]),
    curve(
      'Usage records',
      'short',
      ['sum(rate(llamp_usage_records_written_total[5m]))', 'written per second'],
      ['sum(llamp_usage_records_buffered)', 'waiting'],
    ),
    curve('Version of the models', 'short', ['llamp_models_snapshot_version', '{{instance}}']),
  ],
};

const KNOWLEDGE: Dashboard = {
  uid: 'llamp-knowledge',
  title: 'Llamp: knowledge',
  panels: [
    number('Files', 'short', 'max(llamp_stored_files)'),
    number('Size of files', 'bytes', 'max(llamp_stored_bytes)'),
    number('Chunks', 'short', 'max(llamp_stored_chunks)'),
    curve('Jobs', 'short', ['max by (queue, state) (llamp_queue_jobs)', '{{queue}} {{state}}']),
    curve('Oldest job', 's', ['max by (queue) (llamp_queue_oldest_seconds)', '{{queue}}']),
    curve('Jobs ended', 'short', [
      'sum by (queue, outcome) (rate(llamp_job_duration_seconds_count[5m]))',
      '{{queue}} {{outcome}}',
    ]),
    curve('Time of a job, p95', 's', [
      quantile(0.95, 'llamp_job_duration_seconds', 'queue'),
      '{{queue}}',
    ]),
    curve('Vector index, p95', 's', [
      quantile(0.95, 'llamp_store_operation_duration_seconds', 'operation', 'store="vector"'),
      '{{operation}}',
    ]),
    curve('Blob store, p95', 's', [
      quantile(0.95, 'llamp_store_operation_duration_seconds', 'operation', 'store="blob"'),
      '{{operation}}',
    ]),
    curve('Search, p95', 's', [
      quantile(0.95, 'llamp_http_request_duration_seconds', 'route', 'route=~".*/search"'),
      '{{route}}',
    ]),
  ],
};

const STORES: Dashboard = {
  uid: 'llamp-stores',
  title: 'Llamp: stores',
  panels: [
    curve('Answers', 'short', ['min by (store) (llamp_store_up)', '{{store}}']),
    curve('Calls per second', 'short', [
      'sum by (store) (rate(llamp_store_operation_duration_seconds_count[5m]))',
      '{{store}}',
    ]),
    curve('Part that failed', 'percentunit', ['llamp:store_errors:ratio5m', '{{store}}']),
    curve('Time of a call, p99', 's', [
      quantile(0.99, 'llamp_store_operation_duration_seconds', 'store'),
      '{{store}}',
    ]),
    curve('Slowest operations, p95', 's', [
      `topk(10, ${quantile(0.95, 'llamp_store_operation_duration_seconds', 'store, operation')})`,
      '{{store}} {{operation}}',
    ]),
    curve(
      'Waiting for the database',
      'short',
      ['llamp_database_waiting', '{{instance}} waiting'],
      ['llamp_database_pool_max', '{{instance}} connections'],
    ),
    curve('Size of the database', 'bytes', ['max(llamp_database_size_bytes)', 'database']),
  ],
};

const RUNTIME: Dashboard = {
  uid: 'llamp-runtime',
  title: 'Llamp: runtime',
  panels: [
    curve('Releases', 'short', [
      'count by (version, node) (llamp_build_info)',
      '{{version}} {{node}}',
    ]),
    curve('Up since', 's', ['time() - llamp_process_start_timestamp_seconds', '{{instance}}']),
    curve('Processor', 'short', ['rate(llamp_process_cpu_seconds_total[5m])', '{{instance}}']),
    curve('Memory', 'bytes', ['llamp_process_resident_bytes', '{{instance}}']),
    curve(
      'Heap',
      'bytes',
      ['llamp_heap_used_bytes', '{{instance}} used'],
      ['llamp_heap_limit_bytes', '{{instance}} limit'],
    ),
    curve('Lag of the event loop', 's', [
      'llamp_event_loop_lag_seconds{at=~"p99|max"}',
      '{{instance}} {{at}}',
    ]),
    curve('Busy event loop', 'percentunit', ['llamp_event_loop_utilization_ratio', '{{instance}}']),
    curve('Garbage collection', 'percentunit', [
      'sum by (instance, kind) (rate(llamp_gc_seconds_total[5m]))',
      '{{instance}} {{kind}}',
    ]),
    curve('Open files', 'short', ['llamp_open_files', '{{instance}}']),
  ],
};

const OPERATIONS: Dashboard = {
  uid: 'llamp-operations',
  title: 'Llamp: operations',
  panels: [
    number('Instances', 'short', 'sum(up{job="llamp"})'),
    number('Alerts', 'short', 'count(ALERTS{alertstate="firing"}) or vector(0)'),
    number('Stopping', 'short', 'sum(llamp_instance_draining)'),
    number(
      'Hours since the last backup',
      'short',
      '(time() - min(llamp_backup_last_success_timestamp_seconds)) / 3600 or vector(NaN)',
    ),
    number(
      'Days since the last drill',
      'short',
      '(time() - min(llamp_restore_drill_last_success_timestamp_seconds)) / 86400 or vector(NaN)',
    ),
    number(
      'Days of the certificate',
      'short',
      '(min(llamp_tls_certificate_expiry_timestamp_seconds) - time()) / 86400',
    ),
    curve('Size of a backup', 'bytes', [
      'max by (target) (llamp_backup_size_bytes) or vector(NaN)',
      '{{target}}',
    ]),
    curve('Free disk', 'percentunit', ['llamp_disk_free_ratio', '{{instance}}']),
    curve('Jobs that were given up', 'short', [
      'max by (queue) (llamp_queue_jobs{state="dead"})',
      '{{queue}}',
    ]),
    curve(
      'Audit log',
      'short',
      ['max(llamp_audit_seal_lag_seconds)', 'seconds without a seal'],
      ['sum(increase(llamp_audit_dropped_total[1h]))', 'reads not written, per hour'],
    ),
    curve('Schema of the database', 'short', ['llamp_schema_version', '{{instance}}']),
    curve('Signing in that was refused', 'reqps', [
      'sum(rate(llamp_http_requests_total{route="/api/v1/auth/sign-in", status="401"}[5m])) or vector(0)',
      'refused',
    ]),
  ],
};

/** Every dashboard that is delivered. */
export const DASHBOARDS: readonly Dashboard[] = [
  HTTP,
  GATEWAY,
  KNOWLEDGE,
  STORES,
  RUNTIME,
  OPERATIONS,
];
