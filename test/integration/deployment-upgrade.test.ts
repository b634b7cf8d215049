import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createStartStage, type StartStage } from '../support/start-stage.ts';

const run = promisify(execFile);
const EXIT_CONFIGURATION = 78;

describe('start.sh changes a running installation (OP-2)', () => {
  let stage: StartStage;
  const rendered = (name: string) =>
    readFile(join(stage.top, 'deployments/docker/rendered', name), 'utf8');
  const settings = () => readFile(join(stage.top, 'deployments/docker/.env'), 'utf8');
  /** The steps that change something, in their order. */
  const steps = async () =>
    (await stage.calls())
      .split('\n')
      .map(
        (call) =>
          /(?:sh -s|backup \w+|stop app-\d|up -d .*|run .*|tag .*|pull .*|build)$/.exec(call)?.[0],
      )
      .filter((step) => step !== undefined)
      .map((step) => step.replace(/^up -d .* /, 'start '));

  beforeEach(async () => {
    stage = await createStartStage();
    await writeFile(
      join(stage.top, 'deployments/docker/.env'),
      'LLAMP_BACKUP_RECIPIENT=age1recipient\n',
    );
    expect(await stage.start()).toMatchObject({ code: 0 });
    await stage.forgetCalls();
  });
  afterEach(() => stage.remove());

  const ROLLING = ['sh -s', 'sh -s', 'stop app-1', 'start app-1', 'sh -s'].concat([
    'sh -s',
    'stop app-2',
    'start app-2',
    'sh -s',
  ]);

  test('OP-2 restart: Nginx is switched before an instance is stopped', async () => {
    expect(await stage.start(['restart'])).toMatchObject({ code: 0 });
    expect(await steps()).toEqual(ROLLING);
    expect(await rendered('instances')).toBe('app-1:8000 app-2:8000\n');
    expect(await rendered('nginx.conf')).toContain('server app-1:8000 max_fails');
  });

  test('OP-2 upgrade: the new image is pulled, the schema is brought up, instances follow in turn', async () => {
    const { code, output } = await stage.start(['upgrade', 'example/llamp:2.0.0']);
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(await steps()).toEqual([
      'backup create',
      'backup verify',
      'tag llamp:local llamp:previous',
      'pull app-1',
      'run --rm --no-deps migrate',
      ...ROLLING,
    ]);
    expect(await settings()).toMatch(/^LLAMP_IMAGE=example\/llamp:2\.0\.0$/m);

    await stage.forgetCalls();
    expect(await stage.start(['rollback'])).toMatchObject({ code: 0 });
    expect(await steps()).toEqual(ROLLING);
    expect(await settings()).toMatch(/^LLAMP_IMAGE=llamp:previous$/m);
  });

  test('OP-2 an image that was loaded from a file is not pulled', async () => {
    await writeFile(join(stage.docker, 'image-loaded'), '');
    expect(await stage.start(['upgrade', 'example/llamp:2.0.0'])).toMatchObject({ code: 0 });
    expect(await steps()).not.toContain('pull app-1');
  });

  test('OP-2 a migration that fails stops the upgrade before an instance is touched', async () => {
    await writeFile(join(stage.docker, 'migration-fails'), '');
    const { code, output } = await stage.start(['upgrade', 'example/llamp:2.0.0']);
    expect(code).toBe(1);
    expect(output).toContain('start.sh rollback');
    expect(await steps()).not.toContain('stop app-1');
  });

  test('OP-2 an instance that does not become healthy stays out of Nginx, and the others go on', async () => {
    await writeFile(join(stage.docker, 'app-2-fails'), '');
    const { code, output } = await stage.start(['upgrade', 'example/llamp:2.0.0']);
    expect(code).toBe(1);
    expect(output).toContain('app-2:8000 did not become ready');
    expect(await rendered('instances')).toBe('app-1:8000\n');
    // Repeated, it still knows what ran before.
    await rm(join(stage.docker, 'app-2-fails'));
    expect(await stage.start(['upgrade', 'example/llamp:2.0.0'])).toMatchObject({ code: 0 });
    expect(await rendered('instances')).toBe('app-1:8000 app-2:8000\n');
    expect(await rendered('image.previous')).toBe('llamp:previous\n');
  });

  test('OP-2 an upgrade without a backup has to be asked for by name', async () => {
    await writeFile(join(stage.docker, 'backup-fails'), '');
    expect(await stage.start(['upgrade', 'example/llamp:2.0.0'])).toMatchObject({ code: 1 });
    await writeFile(join(stage.top, 'deployments/docker/.env'), '');
    const { code, output } = await stage.start(['upgrade', 'example/llamp:2.0.0']);
    expect(code).toBe(EXIT_CONFIGURATION);
    expect(output).toContain('backup keygen');
    expect(await steps()).toEqual(['backup create']);
    expect(await stage.start(['upgrade', '--no-backup'])).toMatchObject({ code: 0 });
    expect(await steps()).toContain('build');
  });

  test('OP-2 backup passes its words on to the app', async () => {
    expect(await stage.start(['backup', 'list', '--json'])).toMatchObject({ code: 0 });
    expect(await stage.calls()).toContain(
      'exec -T -e LLAMP_BACKUP_RECIPIENT=age1recipient app-1 node bin/llamp.mjs backup list --json',
    );
  });

  test.each(['restart', 'upgrade', 'rollback'])('%s needs something that runs', async (command) => {
    await rm(join(stage.docker, 'nginx-runs'));
    const { code, output } = await stage.start([command]);
    expect(code).toBe(EXIT_CONFIGURATION);
    expect(output).toContain('nothing runs that could be changed');
    expect(await steps()).toEqual([]);
  });

  test('OP-2 bundle: every image and the scripts in one file, and nothing secret', async () => {
    await mkdir(join(stage.top, 'deployments/nginx/certs'), { recursive: true });
    await writeFile(join(stage.top, 'deployments/nginx/certs/tls.key'), 'secret');
    await writeFile(join(stage.top, 'deployments/nginx/certs/tls.crt'), 'public');
    await writeFile(join(stage.top, 'deployments/docker/.env'), 'LLAMP_HTTP_PORT=1\n');
    const target = await mkdtemp(join(tmpdir(), 'llamp-bundle-'));
    const file = join(target, 'bundle.tar');
    const { code, output } = await stage.start(['bundle', file]);
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(await stage.calls()).toContain('example/store:1.0 llamp:local');
    const { stdout } = await run('tar', ['-tf', file]);
    const names = stdout.trim().split('\n');
    expect(names).toEqual(
      expect.arrayContaining([
        'deployments/docker/start.sh',
        'deployments/docker/lib/upgrade.sh',
        'deployments/nginx/nginx.conf',
        'images.tar',
        'image',
      ]),
    );
    expect(
      names.filter((name) => /docker\/(?:secrets|rendered|\.env)|certs\/tls/.test(name)),
    ).toEqual([]);

    // Unpacked elsewhere it neither builds nor pulls.
    await run('tar', ['-xf', file, '-C', target]);
    const script = join(target, 'deployments/docker/start.sh');
    const env = { PATH: `${stage.docker}:/usr/sbin:/usr/bin:/bin` };
    await run(script, ['load', join(target, 'images.tar')], { env });
    expect(await stage.calls()).toContain(`load -i ${join(target, 'images.tar')}`);
    expect(await readFile(join(target, 'deployments/docker/.env'), 'utf8')).toBe(
      'LLAMP_IMAGE=llamp:local\n',
    );
    await rm(target, { recursive: true });
  });

  test('OP-2 another S3 server needs its own keys', async () => {
    const environment = { MINIO_ENDPOINT: 'https://s3.example.com' };
    const { code, output } = await stage.start([], environment);
    expect(code).toBe(EXIT_CONFIGURATION);
    expect(output).toContain('secrets/s3_access_key and secrets/s3_secret_key');
    await writeFile(stage.secret('s3_access_key'), 'AKIA5EXAMPLE0');
    await writeFile(stage.secret('s3_secret_key'), 'q8Rt2mX5vB1nK7cL4pW9sD3fG6hJ0yA');
    expect(await stage.start([], environment)).toMatchObject({ code: 0 });
  });
});
