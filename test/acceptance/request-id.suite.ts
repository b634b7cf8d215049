import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Installation } from '../support/servers/installation.ts';
import { call, chat, usageByRequest } from './api-client.ts';
import { until } from './llamp-process.ts';

const DEADLINE_MS = 20_000;
const PARENT = '4bf92f3577b34da6a3ce929d0e0e4736';

/** `nginxLog` is the path of its access log where there is one. */
export function requestIdSuite(
  target: () => { installation: Installation; nginxLog?: string },
): void {
  test('OP-7 one request id from the client to the usage record', async () => {
    const { installation, nginxLog } = target();
    const { url, apiKey: key, instances } = installation;
    const answer = await chat({ url, key, model: 'scripted-chat' });
    const id = answer.requestId;
    expect(answer.status).toBe(200);
    expect(id).toMatch(/^\S{8,}$/);

    const logs = [...instances.map(({ logPath }) => logPath), ...(nginxLog ? [nginxLog] : [])];
    for (const [path, lines] of await linesAbout(id, logs)) {
      const isNginx = path === nginxLog;
      expect(lines[0]).toMatchObject({
        'http.request.id': id,
        'http.request.method': 'POST',
        'url.path': '/v1/chat/completions',
        'http.response.status_code': 200,
        'event.dataset': isNginx ? 'llamp.nginx' : 'llamp.access',
      });
    }
    const count = await until(async () => (await usageByRequest(url, key)).get(id), DEADLINE_MS);
    expect(count).toBe(1);
  });

  test('OP-7 the id that a client chose is kept, and its failures carry one too', async () => {
    const { url, apiKey: key } = target().installation;
    const own = `order-${PARENT}`;
    const kept = await call(url, { path: '/v1/models', key, headers: { 'x-request-id': own } });
    expect(kept.requestId).toBe(own);
    const failed = await call(url, { path: '/v1/nothing', key });
    expect(failed).toMatchObject({ status: 404, requestId: expect.stringMatching(/^\S{8,}$/) });
    expect(failed.requestId).not.toBe(own);
  });

  test('OP-7 once it is ready, the server writes JSON and nothing else', async () => {
    for (const { logPath } of target().installation.instances) {
      const text = await readFile(logPath, 'utf8');
      const log = text.slice(text.lastIndexOf('Llamp is ready')).split('\n').slice(1);
      const start = log.findIndex((line) => line.startsWith('{'));
      const lines = log.slice(start, -1).map((line) => JSON.parse(line) as object);
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines)
        expect(line).toMatchObject({
          '@timestamp': expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
          'log.level': expect.any(String),
          message: expect.any(String),
          'ecs.version': expect.any(String),
          'service.name': 'llamp',
        });
    }
  });
}

/** The lines with that id, by log; waits until every kind of log has one. */
async function linesAbout(id: string, paths: readonly string[]) {
  const nginxPaths = paths.filter((path) => path.includes('nginx'));
  return await until(async () => {
    const found = new Map<string, Record<string, unknown>[]>();
    for (const path of paths) {
      const text = await readFile(path, 'utf8');
      const lines = text.split('\n').filter((line) => line.includes(`"${id}"`));
      if (lines.length > 0)
        found.set(
          path,
          lines.map((line) => JSON.parse(line)),
        );
    }
    const hasApp = [...found.keys()].some((path) => !nginxPaths.includes(path));
    return hasApp && nginxPaths.every((path) => found.has(path)) ? found : undefined;
  }, DEADLINE_MS);
}
