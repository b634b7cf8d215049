import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../support/servers/loopback.ts';
import { createStartStage, type StartStage } from '../support/start-stage.ts';

const run = promisify(execFile);
const EXIT_CONFIGURATION = 78;

describe('start.sh (OP-2)', () => {
  let stage: StartStage;
  let top: string;
  let docker: string;
  let port: number;
  beforeEach(async () => {
    stage = await createStartStage();
    ({ top, docker, port } = stage);
  });
  afterEach(() => stage.remove());
  const secret = (name: string) => stage.secret(name);
  const calls = () => stage.calls();
  const start: StartStage['start'] = (args, environment) => stage.start(args, environment);

  test('OP-2 the first start makes strong secrets, waits for health and prints where everything is', async () => {
    const { code, output } = await start();
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toContain(`Llamp runs at http://localhost:${port}`);
    expect(output).toContain('Plain HTTP only');
    expect(output).toMatch(
      /administrator link and the first API key.*\n.*start\.sh logs app-1 app-2/,
    );
    expect(await calls()).toMatch(/up -d --wait --wait-timeout \d+/);
    for (const name of ['postgres_password', 'redis_password', 'minio_secret_key']) {
      expect(await readFile(secret(name), 'utf8')).toMatch(/^[0-9A-Za-z]{40}$/);
      expect((await stat(secret(name))).mode & 0o777).toBe(0o600);
    }
    expect(await readFile(secret('master_key'), 'utf8')).toMatch(/^[0-9a-f]{64}$/);
    const password = await readFile(secret('postgres_password'), 'utf8');
    expect(await readFile(secret('database_url'), 'utf8')).toBe(
      `postgres://llamp:${password}@postgres:5432/llamp`,
    );
    expect((await stat(secret('.'))).mode & 0o777).toBe(0o700);
    expect(output).not.toContain(password);
    const configuration = await readFile(
      join(top, 'deployments/docker/rendered/nginx.conf'),
      'utf8',
    );
    expect(configuration).toContain('server app-2:8000 max_fails=1 fail_timeout=2s resolve;');
  });

  test('OP-2 a second start changes no secret, says nothing of a first start and reloads Nginx', async () => {
    await start();
    const before = await readFile(secret('postgres_password'), 'utf8');
    const { code, output } = await start();
    expect(code).toBe(0);
    expect(output).not.toContain('First start');
    expect(await readFile(secret('postgres_password'), 'utf8')).toBe(before);
    expect(await calls()).toContain('nginx -s reload');
  });

  test('everything that is missing is named at once', async () => {
    await writeFile(join(docker, 'memory'), `${1024 ** 3}`);
    await writeFile(join(docker, 'compose-version'), 'v2.19.0\n');
    await writeFile(join(top, 'deployments/nginx/certs/tls.crt'), 'x');
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    const { code, output } = await start();
    server.close();
    expect(code).toBe(EXIT_CONFIGURATION);
    expect(output).toContain('docker compose is older than 2.20');
    expect(output).toContain('1024 MB of memory');
    expect(output).toContain('both tls.crt and tls.key');
    expect(output).toContain(`port ${port} is in use`);
    expect(await calls()).not.toContain('up -d');
  });

  test('without docker it says what to install', async () => {
    const empty = join(top, 'empty');
    await mkdir(empty);
    for (const tool of ['bash', 'id', 'awk', 'od', 'df', 'dirname', 'env', 'sed']) {
      const { stdout } = await run('which', [tool]);
      await writeFile(join(empty, tool), `#!/bin/sh\nexec ${stdout.trim()} "$@"\n`, {
        mode: 0o755,
      });
    }
    const { code, output } = await start([], { PATH: empty });
    expect(code).toBe(EXIT_CONFIGURATION);
    expect(output).toContain('docker is missing: install Docker Engine');
  });

  test.each([
    ['Xy7-too-small', 'is shorter than 24'],
    ['changeme-changeme-changeme-changeme', 'well-known or repeating'],
    ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'well-known or repeating'],
    ['9f8e7d6c5b4a@3g2h1i/0jklmnopqr', 'do not fit into a URL'],
  ])('OP-2 the secret %s is refused', async (value, reason) => {
    await mkdir(secret('.'), { recursive: true });
    await writeFile(secret('postgres_password'), value);
    const { code, output } = await start();
    expect(code).toBe(EXIT_CONFIGURATION);
    expect(output).toContain('secrets/postgres_password');
    expect(output).toContain(reason);
    expect(output).not.toContain(value);
    expect(await calls()).not.toContain('up -d');
  });

  test('a password that was changed in one of its two files only is refused', async () => {
    await start();
    await writeFile(secret('redis_password'), 'Zq8rT2mX5vB1nK7cL4pW9sD3fG6hJ0yA');
    const { code, output } = await start();
    expect(code).toBe(EXIT_CONFIGURATION);
    expect(output).toContain("secrets/redis_url holds another password than the server's own file");
  });

  test('OP-2 an empty database where an installation existed is refused', async () => {
    await start();
    await rm(join(docker, 'volume-llamp_postgres-data'));
    const { code, output } = await start();
    expect(code).toBe(EXIT_CONFIGURATION);
    expect(output).toContain('restore a backup');
  });

  test('a database whose secrets are lost is refused, and no new secrets are made', async () => {
    await start();
    await rm(secret('.'), { recursive: true });
    const { code, output } = await start();
    expect(code).toBe(EXIT_CONFIGURATION);
    expect(output).toContain('its secrets are gone');
    await expect(stat(secret('postgres_password'))).rejects.toThrow('ENOENT');
  });

  test('with a certificate it serves TLS and prints an https address', async () => {
    for (const name of ['tls.crt', 'tls.key']) {
      await writeFile(join(top, 'deployments/nginx/certs', name), 'x');
    }
    const { code, output } = await start([], { LLAMP_HTTPS_PORT: `${await freePort()}` });
    expect(code).toBe(0);
    expect(output).toMatch(/Llamp runs at https:\/\/localhost:\d+/);
    expect(output).not.toContain('Plain HTTP only');
    expect(await calls()).toContain('docker-compose.tls.yml');
    const configuration = await readFile(
      join(top, 'deployments/docker/rendered/nginx.conf'),
      'utf8',
    );
    expect(configuration).toContain('ssl_protocols TLSv1.2 TLSv1.3;');
    expect(configuration).toContain('http2 on;');
  });

  test('when the containers do not become healthy it fails, shows logs and is still a first start', async () => {
    await writeFile(join(docker, 'unhealthy'), '');
    const { code, output } = await start();
    expect(code).toBe(1);
    expect(output).toContain('Not everything became healthy');
    expect(await calls()).toContain('logs --tail');
    await rm(join(docker, 'unhealthy'));
    expect((await start()).output).toContain('First start');
  });

  test('stop, status and logs reach compose; a wrong command explains itself', async () => {
    await start(['stop']);
    await start(['status']);
    await start(['logs', '-f', 'app-1']);
    expect(await calls()).toMatch(/ stop\n[^]* ps\n[^]* logs -f app-1\n/);
    const { code, output } = await start(['begin']);
    expect(code).toBe(2);
    expect(output).toContain('./start.sh upgrade IMAGE');
  });
});
