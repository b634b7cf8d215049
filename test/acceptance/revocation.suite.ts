import { expect, test } from 'vitest';
import { call } from './api-client.ts';
import type { CommandTarget } from './commands.suite.ts';
import { runLlamp, until } from './llamp-process.ts';

const EFFECT_MAX_MS = 2_000;
const TRIALS = 100;

/** How soon running instances notice what a command changed beside them. */
export function revocationSuite(target: () => CommandTarget): void {
  test('ID-3 GW-12 every instance knows a new and a revoked key within 2 s', async () => {
    const { installation, variables } = target();
    const made = await runLlamp(['keys', 'create', '--name', 'short-lived', '--json'], variables);
    const { id, key } = JSON.parse(made.stdout) as { id: string; key: string };
    await effect(200);
    expect(await runLlamp(['keys', 'revoke', id], variables)).toMatchObject({ code: 0 });
    await effect(401);

    async function effect(status: number): Promise<void> {
      await Promise.all(
        installation.instances.map(({ url }) =>
          until(async () => {
            const answer = await call(url, { path: '/v1/models', key });
            return answer.status === status ? true : undefined;
          }, EFFECT_MAX_MS),
        ),
      );
    }
  });

  test(`ID-3 GW-12 ${TRIALS} of ${TRIALS} revocations hold on the other instance within 2 s`, async () => {
    const { apiKey, instances } = target().installation;
    const [here, there] = [instances[0]?.url ?? '', instances.at(-1)?.url ?? ''];
    const slowestMs = { made: 0, revoked: 0 };
    for (let trial = 0; trial < TRIALS; trial += 1) {
      const body = { name: `trial ${trial}`, scopes: ['inference'] };
      const made = await call(here, { path: '/api/v1/keys', key: apiKey, json: body });
      const { id, key } = made.json as { id: string; key: string };
      slowestMs.made = Math.max(slowestMs.made, await untilStatus(there, key, 200));
      const path = `/api/v1/keys/${id}`;
      expect((await call(here, { method: 'DELETE', path, key: apiKey })).status).toBe(200);
      slowestMs.revoked = Math.max(slowestMs.revoked, await untilStatus(there, key, 401));
    }
    process.stdout.write(`slowest effect on the other instance: ${JSON.stringify(slowestMs)}\n`);
  }, 120_000);

  test(`ID-3 ${TRIALS} of ${TRIALS} changes of a key hold on the other instance within 2 s`, async () => {
    const { apiKey, instances } = target().installation;
    const [here, there] = [instances[0]?.url ?? '', instances.at(-1)?.url ?? ''];
    const body = { name: 'changing', scopes: ['inference'] };
    const made = await call(here, { path: '/api/v1/keys', key: apiKey, json: body });
    const { id, key } = made.json as { id: string; key: string };
    let slowestMs = await untilStatus(there, key, 200);
    for (let trial = 0; trial < TRIALS; trial += 1) {
      // In turn: an address that no client of the test has, and none any more.
      const isAway = trial % 2 === 0;
      const json = { allowed_addresses: isAway ? ['192.0.2.1'] : null };
      const path = `/api/v1/keys/${id}`;
      const patched = await call(here, { method: 'PATCH', path, key: apiKey, json });
      expect(patched.status, patched.text).toBe(200);
      slowestMs = Math.max(slowestMs, await untilStatus(there, key, isAway ? 403 : 200));
    }
    process.stdout.write(`slowest change on the other instance: ${slowestMs} ms\n`);
  }, 120_000);
}

/** Milliseconds until the instance answers the key with `status`; rejects after the longest time allowed. */
async function untilStatus(url: string, key: string, status: number): Promise<number> {
  const startedMs = performance.now();
  await until(async () => {
    const answer = await call(url, { path: '/v1/models', key });
    return answer.status === status ? true : undefined;
  }, EFFECT_MAX_MS);
  return Math.round(performance.now() - startedMs);
}
