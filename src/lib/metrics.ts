import { Gauge, Registry } from 'prom-client';
import { backupMetrics } from './backup-metrics.ts';
import { CellCounter, CellHistogram } from './metric-cells.ts';

const SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
];

const OVERHEAD_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1];

/**
 * Every metric of the application in one place. Labels are bounded: no ids, no raw paths, and `model` only as
 * resolved from the catalogue.
 */
export function createMetrics() {
  const registry = new Registry();
  return {
    registry,
    ...httpMetrics([registry]),
    ...upstreamMetrics([registry]),
    ...usageMetrics([registry]),
    ...queueMetrics([registry]),
    ...storeMetrics([registry]),
    ...auditMetrics([registry]),
    ...backupMetrics([registry]),
    ...storedMetrics([registry]),
    ...instanceMetrics([registry]),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

function httpMetrics(registers: Registry[]) {
  return {
    httpRequests: new CellCounter({
      name: 'llamp_http_requests_total',
      help: 'HTTP requests answered',
      labelNames: ['method', 'route', 'status'],
      registers,
    }),
    httpDuration: new CellHistogram({
      name: 'llamp_http_request_duration_seconds',
      help: 'Time from the first byte of a request to the last byte of its answer',
      labelNames: ['method', 'route'],
      buckets: SECONDS,
      registers,
    }),
    httpInFlight: new Gauge({
      name: 'llamp_http_requests_in_flight',
      help: 'HTTP requests being answered',
      registers,
    }),
  };
}

function upstreamMetrics(registers: Registry[]) {
  return {
    upstreamRequests: new CellCounter({
      name: 'llamp_upstream_requests_total',
      help: 'Requests sent to upstreams; outcome is ok, a status class, timeout, reset, aborted or truncated',
      labelNames: ['deployment', 'model', 'outcome'],
      registers,
    }),
    upstreamDuration: new CellHistogram({
      name: 'llamp_upstream_request_duration_seconds',
      help: 'Time of an upstream request to its last byte',
      labelNames: ['deployment', 'model'],
      buckets: SECONDS,
      registers,
    }),
    upstreamFirstToken: new CellHistogram({
      name: 'llamp_upstream_first_token_seconds',
      help: 'Time of an upstream stream to its first content frame',
      labelNames: ['deployment', 'model'],
      buckets: SECONDS,
      registers,
    }),
    gatewayOverhead: new CellHistogram({
      name: 'llamp_gateway_overhead_seconds',
      help: 'Own time of answered inference requests: to the call of the upstream, and from its answer to ours',
      buckets: OVERHEAD_SECONDS,
      registers,
    }),
    deploymentHealth: new Gauge({
      name: 'llamp_deployment_health',
      help: '1 healthy, 0.5 waiting for a probe, 0 out of rotation',
      labelNames: ['deployment'],
      registers,
    }),
    modelsSnapshotVersion: new Gauge({
      name: 'llamp_models_snapshot_version',
      help: 'Version of the models in force; it rises when providers, deployments or models change',
      registers,
    }),
    tokens: new CellCounter({
      name: 'llamp_tokens_total',
      help: 'Tokens by direction: prompt, completion, cached, reasoning',
      labelNames: ['model', 'direction'],
      registers,
    }),
  };
}

function usageMetrics(registers: Registry[]) {
  return {
    usageBuffered: new Gauge({
      name: 'llamp_usage_records_buffered',
      help: 'Usage records in the journal that are not yet in SQL',
      registers,
    }),
    usageWritten: new CellCounter({
      name: 'llamp_usage_records_written_total',
      help: 'Usage records written to SQL',
      registers,
    }),
  };
}

function queueMetrics(registers: Registry[]) {
  return {
    queueJobs: new Gauge({
      name: 'llamp_queue_jobs',
      help: 'Jobs by state: waiting, active, dead',
      labelNames: ['queue', 'state'],
      registers,
    }),
    queueOldest: new Gauge({
      name: 'llamp_queue_oldest_seconds',
      help: 'Age of the oldest job that could run now; 0 when none waits',
      labelNames: ['queue'],
      registers,
    }),
    jobDuration: new CellHistogram({
      name: 'llamp_job_duration_seconds',
      help: 'Time of one job; outcome is ok, retry or failed',
      labelNames: ['queue', 'outcome'],
      buckets: SECONDS,
      registers,
    }),
  };
}

function storeMetrics(registers: Registry[]) {
  return {
    storeDuration: new CellHistogram({
      name: 'llamp_store_operation_duration_seconds',
      help: 'Time of one call to a store, by port and operation; outcome is ok or error',
      labelNames: ['store', 'operation', 'outcome'],
      buckets: SECONDS,
      registers,
    }),
    databaseWaiting: new Gauge({
      name: 'llamp_database_waiting',
      help: 'Statements that wait for a connection now',
      registers,
    }),
    databasePoolMax: new Gauge({
      name: 'llamp_database_pool_max',
      help: 'Connections that this instance may have; 1 for the embedded database',
      registers,
    }),
    storeUp: new Gauge({
      name: 'llamp_store_up',
      help: '1 when the last check of the store succeeded',
      labelNames: ['store'],
      registers,
    }),
  };
}

function auditMetrics(registers: Registry[]) {
  return {
    auditSealLag: new Gauge({
      name: 'llamp_audit_seal_lag_seconds',
      help: 'Age of the oldest event that has no seal yet',
      registers,
    }),
    guardrailDecisions: new CellCounter({
      name: 'llamp_guardrail_decisions_total',
      help: 'Calls in which a guardrail found something, by what it does then and by stage',
      labelNames: ['action', 'stage'] as const,
      registers,
    }),
    auditDropped: new CellCounter({
      name: 'llamp_audit_dropped_total',
      help: 'Reads that were not written down because the audit log took nothing; stays 0 in strict mode',
      registers,
    }),
  };
}

/** What is stored, read every minute at most. NaN while it cannot be read. */
function storedMetrics(registers: Registry[]) {
  return {
    databaseSize: new Gauge({
      name: 'llamp_database_size_bytes',
      help: 'Size of the database on its disk',
      registers,
    }),
    storedFiles: new Gauge({ name: 'llamp_stored_files', help: 'Files that are kept', registers }),
    storedBytes: new Gauge({
      name: 'llamp_stored_bytes',
      help: 'Size of the files that are kept',
      registers,
    }),
    storedChunks: new Gauge({
      name: 'llamp_stored_chunks',
      help: 'Chunks that searches see',
      registers,
    }),
    budgetUsed: new Gauge({
      name: 'llamp_budget_used_ratio',
      help: 'Spent part of the fullest budget; period is day, month or total, 0 without one',
      labelNames: ['period'],
      registers,
    }),
  };
}

/** This process and its machine, read when metrics are collected. */
function instanceMetrics(registers: Registry[]) {
  return {
    ...processMetrics(registers),
    buildInfo: new Gauge({
      name: 'llamp_build_info',
      help: 'Always 1; version of this release and of Node.js, and the shape it runs in',
      labelNames: ['version', 'node', 'shape'],
      registers,
    }),
    schemaVersion: new Gauge({
      name: 'llamp_schema_version',
      help: 'Schema of the database that this instance started with',
      registers,
    }),
    draining: new Gauge({
      name: 'llamp_instance_draining',
      help: '1 from the signal to stop to the end',
      registers,
    }),
    diskFreeRatio: new Gauge({
      name: 'llamp_disk_free_ratio',
      help: 'Free part of the disk of the data folder',
      registers,
    }),
    certificateExpiry: new Gauge({
      name: 'llamp_tls_certificate_expiry_timestamp_seconds',
      help: 'End of the certificate at LLAMP_PUBLIC_URL, looked at every hour; NaN without https',
      registers,
    }),
  };
}

function processMetrics(registers: Registry[]) {
  return {
    startTime: new Gauge({
      name: 'llamp_process_start_timestamp_seconds',
      help: 'Start of this process',
      registers,
    }),
    cpuSeconds: new CellCounter({
      name: 'llamp_process_cpu_seconds_total',
      help: 'Processor time of this process',
      registers,
    }),
    residentBytes: new Gauge({
      name: 'llamp_process_resident_bytes',
      help: 'Memory of this process',
      registers,
    }),
    heapUsed: new Gauge({ name: 'llamp_heap_used_bytes', help: 'Heap in use', registers }),
    heapLimit: new Gauge({
      name: 'llamp_heap_limit_bytes',
      help: 'Heap at which Node.js gives up',
      registers,
    }),
    loopLag: new Gauge({
      name: 'llamp_event_loop_lag_seconds',
      help: 'How late timers were since the last scrape; at is p50, p99 or max',
      labelNames: ['at'],
      registers,
    }),
    loopUtilization: new Gauge({
      name: 'llamp_event_loop_utilization_ratio',
      help: 'Part of the time since the last scrape in which the event loop was busy',
      registers,
    }),
    gcSeconds: new CellCounter({
      name: 'llamp_gc_seconds_total',
      help: 'Time of garbage collections by kind',
      labelNames: ['kind'],
      registers,
    }),
    openFiles: new Gauge({
      name: 'llamp_open_files',
      help: 'Open files and connections; NaN where the system does not tell',
      registers,
    }),
  };
}
