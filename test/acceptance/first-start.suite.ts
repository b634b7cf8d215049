import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/servers/loopback.ts';
import { call } from './api-client.ts';
import { type Ended, type LlampProcess, startLlamp } from './llamp-process.ts';

const run = promisify(execFile);
const KEY = /sk-llamp-[0-9A-Za-z]{38}/;
const LINK = /http:\/\/\S+\/setup\?token=(\S+)/;

/** What a person sees who starts it for the first time, and does with what is printed. */
export function firstStartSuite(): void {
  let folder = '';
  let variables: Record<string, string> = {};
  let url = '';
  let server: LlampProcess;
  let token = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'llamp-first-'));
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    variables = { LLAMP_DATA_DIR: join(folder, 'data'), LLAMP_PORT: `${port}` };
    server = startLlamp(['serve'], variables);
    await server.waitFor(/"message":"ready"/);
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('OP-1 it prints address, link, key and a line to paste', () => {
    expect(server.stdout).toContain(`Llamp is ready: ${url}`);
    expect(server.stdout).toMatch(LINK);
    expect(server.stdout).toMatch(KEY);
    token = decodeURIComponent(LINK.exec(server.stdout)?.[1] ?? '');
  });

  test('OP-1 the pasted line gets an answer', async () => {
    const line = /^ *(curl .*)$/m.exec(server.stdout)?.[1] ?? '';
    const { stdout } = await run('sh', ['-c', `${line} -sS -w '\\n%{http_code}'`]);
    const [status, ...body] = stdout.split('\n').reverse();
    expect(status).toBe('200');
    expect(JSON.parse(body.reverse().join('\n'))).toMatchObject({ object: 'chat.completion' });
  });

  test('ID-1 the link works once, as the form that it is', async () => {
    expect((await call(url, { path: `/setup?token=${encodeURIComponent(token)}` })).status).toBe(
      200,
    );
    const redeem = () =>
      call(url, {
        path: '/setup',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ token, ...ADMINISTRATOR }).toString(),
      });
    const done = await redeem();
    expect(done.status).toBe(200);
    const key = KEY.exec(done.text)?.[0];
    expect((await call(url, { path: '/api/v1/keys', key })).status).toBe(200);

    expect((await redeem()).status).toBe(400);
    const again = await call(url, { path: '/api/v1/setup', json: { token, ...ADMINISTRATOR } });
    expect(again.json['error']).toMatchObject({ code: 'invalid_one_time_link' });
  });

  test('OP-1 the second start prints no secret', async () => {
    const first = await server.stop();
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expectNoSecretInLog(first);
    server = startLlamp(['serve'], variables);
    await server.waitFor(/"message":"ready"/);
    expect(server.stdout).toContain(`Llamp is ready: ${url}`);
    expect(server.stdout).not.toMatch(KEY);
    expect(server.stdout).not.toMatch(/setup|token/);
  });

  function expectNoSecretInLog({ stdout }: Ended): void {
    const log = stdout.split('\n').filter((line) => line.startsWith('{'));
    expect(log.length).toBeGreaterThan(5);
    for (const line of log) {
      expect(line).not.toMatch(KEY);
      expect(line).not.toContain(token);
      expect(line).not.toContain(ADMINISTRATOR.password);
    }
  }
}

const ADMINISTRATOR = {
  email: 'admin@example.com',
  name: 'Admin',
  password: 'a long passphrase &+%',
};
