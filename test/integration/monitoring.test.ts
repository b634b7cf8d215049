import { join } from 'node:path';
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { DASHBOARDS } from '../../scripts/monitoring/dashboards.ts';
import { storeOneFile } from '../support/doctor/installed-platform.ts';
import { describeWithLegs } from '../support/legs.ts';
import { preparedDataFolder } from '../support/prepared-data-folder.ts';
import { type ScriptedProvider, startScriptedProvider } from '../support/scripted-provider.ts';
import { startEmbedded } from '../support/servers/embedded.ts';
import type { Installation } from '../support/servers/installation.ts';
import { freePort } from '../support/servers/loopback.ts';
import {
  PROMETHEUS_FOLDER,
  promtool,
  type RunningPrometheus,
  startPrometheus,
} from '../support/servers/prometheus.ts';

const DATA_TIMEOUT_MS = 120_000;

describeWithLegs('OP-7 Prometheus', ['prometheus'], ({ prometheus: path }) => {
  let provider: ScriptedProvider;
  let installation: Installation;
  let dataDirectory: string;
  let prometheus: RunningPrometheus;

  beforeAll(async () => {
    provider = await startScriptedProvider({ models: ['scripted-chat'] });
    const metricsPort = await freePort();
    dataDirectory = await preparedDataFolder('monitoring');
    installation = await startEmbedded({
      dataDirectory,
      upstream: { baseUrl: provider.baseUrl, apiKey: provider.apiKey },
      environment: { LLAMP_METRICS_PORT: `${metricsPort}` },
    });
    prometheus = await startPrometheus({
      path,
      directory: join(installation.directory, 'prometheus'),
      target: `127.0.0.1:${metricsPort}`,
    });
  }, 300_000);

  afterAll(async () => {
    await prometheus?.stop();
    await installation?.stop();
    await provider?.close();
    rmSync(dataDirectory, { recursive: true, force: true });
  });

  test('OP-7 the delivered rules and configuration are right, and every alert fires when it should', async () => {
    await expect(promtool(path, ['check', 'config', 'prometheus.yml'])).resolves.toContain(
      'SUCCESS',
    );
    await expect(promtool(path, ['check', 'rules', 'alerts.yml'])).resolves.toContain('SUCCESS');
    await expect(promtool(path, ['test', 'rules', 'alerts.test.yml'])).resolves.toContain(
      'SUCCESS',
    );
  });

  test('OP-7 every panel has data once the platform has worked', async () => {
    await work(installation);
    await vi.waitFor(
      async () => {
        await work(installation, { withFile: false });
        expect(await emptyPanels(prometheus)).toEqual([]);
      },
      { timeout: DATA_TIMEOUT_MS, interval: 1_000 },
    );
  }, 240_000);

  test('OP-7 every rule can be asked for', async () => {
    const { groups } = parse(readFileSync(join(PROMETHEUS_FOLDER, 'alerts.yml'), 'utf8')) as {
      groups: { rules: { expr: string }[] }[];
    };
    for (const { expr } of groups.flatMap(({ rules }) => rules)) await prometheus.query(expr);
  });
});

async function emptyPanels(prometheus: RunningPrometheus): Promise<string[]> {
  const empty: string[] = [];
  for (const { uid, panels } of DASHBOARDS) {
    for (const { title, queries } of panels) {
      for (const [expression] of queries)
        if ((await prometheus.query(expression)).length === 0) empty.push(`${uid}: ${title}`);
    }
  }
  return empty;
}

/** A few calls of each kind that a panel tells of. */
async function work(
  { url, apiKey }: Installation,
  { withFile = true }: { withFile?: boolean } = {},
): Promise<void> {
  const post = (path: string, body: object) =>
    fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).then(async (answer) => ({ status: answer.status, text: await answer.text() }));
  const chat = { model: 'scripted-chat', messages: [{ role: 'user', content: 'Hello' }] };
  expect(await post('/v1/chat/completions', chat)).toMatchObject({ status: 200 });
  expect(await post('/v1/chat/completions', { ...chat, stream: true })).toMatchObject({
    status: 200,
  });
  await post('/v1/vector_stores/vs_missing/search', { query: 'moon' });
  if (withFile) await storeOneFile(url, apiKey);
}
