import { expect, test } from 'vitest';
import type { Installation } from '../support/servers/installation.ts';
import { call } from './api-client.ts';
import { runLlamp, until } from './llamp-process.ts';

const EFFECT_MAX_MS = 2_000;

export interface CommandTarget {
  readonly installation: Installation;
  /** What a command needs to find the same stores as the server. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * `keys` and `users` as an operator types them. `whileServing` runs what it is given with the server up or stopped,
 * whichever the shape allows.
 */
export function commandsSuite(
  target: () => CommandTarget,
  whileServing: (commands: () => Promise<void>) => Promise<void>,
): void {
  test('ID-3 keys made, listed, rotated and revoked by command count within 2 s', async () => {
    const { installation } = target();
    const keys: Record<string, { id: string; key: string }> = {};
    await whileServing(async () => {
      const made = await created('made');
      keys['made'] = made;
      keys['revoked'] = await created('revoked');
      const limits = ['--models', 'scripted-chat', '--allow-address', '127.0.0.0/8', '::1'];
      const limited = await created('limited', limits);
      keys['moved'] = limited;
      const moved = ['update', limited.id, '--allow-address', '192.0.2.0/24', '--json'];
      expect(await json(['keys', ...moved])).toMatchObject({
        models: ['scripted-chat'],
        allowed_addresses: ['192.0.2.0/24'],
      });
      keys['rotated'] = (await json(['keys', 'rotate', made.id, '--json'])) as typeof made;
      keys['ended'] = await created('ended');
      const { key } = await created('unused', ['--scope', 'inference', 'knowledge']);
      expect(key).toMatch(/^sk-llamp-/);
      await json(['keys', 'rotate', keys['ended'].id, '--overlap-hours', '0', '--json']);
      expect((await llamp(['keys', 'revoke', keys['revoked'].id])).stdout).toContain('revoked');
      await expectListed(Object.values(keys));
    });
    for (const { url } of installation.instances) {
      const becomes = (name: string, status: number) =>
        until(async () => {
          const answer = await call(url, { path: '/v1/models', key: keys[name]?.key });
          return answer.status === status ? true : undefined;
        }, EFFECT_MAX_MS);
      await becomes('made', 200);
      await becomes('rotated', 200);
      await becomes('moved', 403);
      await becomes('revoked', 401);
      await becomes('ended', 401);
    }
  });

  test('ID-1 a link made by command sets the administrator, once', async () => {
    const { installation } = target();
    let token = '';
    await whileServing(async () => {
      const { stdout } = await llamp(['users', 'link']);
      token = decodeURIComponent(/\/setup\?token=(\S+)/.exec(stdout)?.[1] ?? '');
      expect(stdout).toContain('valid once');
    });
    const redeem = (url: string) =>
      call(url, { path: '/api/v1/setup', json: { token, ...ADMINISTRATOR } });
    const [first, second = first] = installation.instances;
    if (first === undefined || second === undefined) throw new Error('no instance');
    const done = await redeem(first.url);
    expect(done.status, done.text).toBe(200);
    const key = String(done.json['key']);
    await until(
      async () =>
        (await call(second.url, { path: '/api/v1/me', key })).status === 200 ? 1 : undefined,
      EFFECT_MAX_MS,
    );
    expect((await redeem(second.url)).json['error']).toMatchObject({
      code: 'invalid_one_time_link',
    });
    await whileServing(async () => {
      const users = (await json(['users', 'list', '--json'])) as { data: { email: string }[] };
      expect(users.data.map(({ email }) => email)).toEqual([ADMINISTRATOR.email]);
    });
  });

  test('mistakes are one sentence', async () => {
    await whileServing(async () => {
      for (const args of [
        ['keys', 'revoke', 'key_missing'],
        ['keys', 'rotate', 'key_missing'],
        ['keys', 'create', '--name', 'x', '--project', 'proj_missing'],
        ['users', 'link', '--email', 'nobody@example.com'],
      ]) {
        const ended = await runLlamp(args, target().variables);
        expect(ended, args.join(' ')).toMatchObject({ code: 1, stdout: '' });
        expect(ended.stderr).toMatch(/^llamp: [^\n]+\n$/);
      }
      for (const name of ['', 'x'.repeat(201)]) {
        const ended = await runLlamp(['keys', 'create', '--name', name], target().variables);
        expect(ended).toMatchObject({ code: 2, stdout: '' });
        expect(ended.stderr).toMatch(/^error: [^\n]+\n$/);
      }
    });
  });

  const llamp = async (args: readonly string[]) => {
    const ended = await runLlamp(args, target().variables);
    expect(ended, `llamp ${args.join(' ')}`).toMatchObject({ code: 0, stderr: '' });
    return ended;
  };
  const json = async (args: readonly string[]): Promise<unknown> =>
    JSON.parse((await llamp(args)).stdout);
  const created = async (name: string, more: readonly string[] = []) =>
    (await json(['keys', 'create', '--name', name, '--json', ...more])) as {
      id: string;
      key: string;
    };

  async function expectListed(keys: readonly { id: string; key: string }[]): Promise<void> {
    const { data } = (await json(['keys', 'list', '--json'])) as { data: { id: string }[] };
    const table = (await llamp(['keys', 'list'])).stdout;
    for (const { id, key } of keys) {
      expect(data.map((each) => each.id)).toContain(id);
      expect(table).toContain(id);
      expect(JSON.stringify(data) + table).not.toContain(key);
    }
  }
}

const ADMINISTRATOR = { email: 'operator@example.com', name: 'Operator', password: 'x'.repeat(20) };
