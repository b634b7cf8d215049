import { expect, test } from 'vitest';
import type { Installation } from '../support/servers/installation.ts';

const EXPECTED = [
  'llamp_http_requests_total',
  'llamp_http_request_duration_seconds_bucket',
  'llamp_upstream_requests_total',
  'llamp_queue_jobs{queue="knowledge-ingest",state="waiting"}',
  'llamp_store_operation_duration_seconds_count',
  'llamp_store_up{store="database"} 1',
  'llamp_store_up{store="blob"} 1',
  'llamp_store_up{store="vector"} 1',
  'llamp_store_up{store="ephemeral"} 1',
];

/** What a scraper of one instance finds. */
export function metricsSuite(installation: () => Installation): void {
  test('OP-7 metrics tell of HTTP, upstreams, the queue and each store', async () => {
    const { instances, apiKey } = installation();
    const answer = await fetch(`${instances[0]?.url}/metrics`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    const text = await answer.text();
    expect(answer.status).toBe(200);
    for (const line of EXPECTED) expect(text).toContain(line);
    expect(text).not.toContain(apiKey);
  });
}
