import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { openApplication } from '../../src/application.ts';
import { loadConfig } from '../../src/config/load.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { openStores } from '../../src/runtime.ts';

const TIMEOUT_MS = 10_000;

/** `docs/openapi.json`: what the embedded application says of itself, so that no route can be forgotten. */
export async function openApiDocument(version: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'llamp-openapi-'));
  try {
    const config = loadConfig({ LLAMP_DATA_DIR: directory, LLAMP_PORT: '0', LLAMP_WORKERS: '0' });
    const context = { config, log: silentLog, clock: systemClock, metrics: createMetrics() };
    const stores = await openStores(context, 'server');
    const application = await openApplication(stores, context, version);
    const { url } = await application.listen();
    const answer = await request(`${url}/openapi.json`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const document: unknown = await answer.body.json();
    await application.drain.drain();
    return `${JSON.stringify(document, null, 2)}\n`;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
