import { expect, test } from 'vitest';
import { call } from './api-client.ts';
import type { CommandTarget } from './commands.suite.ts';
import { runLlamp, until } from './llamp-process.ts';

const EFFECT_MAX_MS = 2_000;

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
}
