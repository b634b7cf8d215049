import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { VARIABLE_NAMES, VARIABLES } from '../../src/config/schema.ts';
import { findCompose } from '../support/compose-program.ts';

const text = readFileSync('deployments/docker/docker-compose.yml', 'utf8');
const dockerfile = readFileSync('deployments/docker/Dockerfile', 'utf8');

/**
 * The lines under a top-level key, cut into its entries. This reads the layout of our own file (two spaces, no
 * tabs), not YAML: `docker compose config` is the parser, and it is not on every machine.
 */
function entriesOf(key: string): Map<string, string> {
  const lines = text.split('\n');
  const from = lines.indexOf(`${key}:`) + 1;
  const length = lines.slice(from).findIndex((line) => /^\S/.test(line) && !line.startsWith('#'));
  const section = lines.slice(from, length < 0 ? undefined : from + length).join('\n');
  const entries = section.split(/^ {2}(?=[a-z])/m).slice(1);
  return new Map(entries.map((entry) => [entry.slice(0, entry.indexOf(':')), entry]));
}

const services = entriesOf('services');
const OWN = ['app-1', 'app-2', 'migrate'];
const STORES = ['postgres', 'redis', 'minio', 'etcd', 'milvus'];

describe('docker-compose.yml (OP-2)', () => {
  test('OP-2 two instances behind Nginx and at most eight other containers', () => {
    expect([...services.keys()].toSorted()).toEqual([...OWN, ...STORES, 'nginx'].toSorted());
    expect(services.size - 3).toBeLessThanOrEqual(8);
  });

  test('every store is healthy by a check, limited, pinned and only on the inner network', () => {
    for (const name of STORES) {
      const service = services.get(name) ?? '';
      expect(service, name).toMatch(/<<: \*service/);
      expect(service, name).toMatch(/healthcheck:/);
      expect(service, name).toMatch(/limits: \{ cpus: "\d", memory: \d+[mg] \}/);
      expect(service, name).toMatch(/networks: \[stores\]/);
      expect(service, name).not.toMatch(/^ {4}ports:/m);
    }
    expect(text).toMatch(/stores:\n {4}internal: true/);
  });

  test('images are pinned to a version', () => {
    const images = [...text.matchAll(/^ {4}image: (\S+)$/gm)].map(([, image]) => image ?? '');
    expect(images).toHaveLength(6);
    for (const image of images) {
      expect(image).toMatch(/:[vA-Z]*[\dA-Z]+[.-][\d.TZ-]+\}?$/);
      // The registry is part of the name, so that a mirror can stand in front of all of them.
      expect(image).toMatch(/\$\{LLAMP_IMAGE_PREFIX:-\}(?:docker|quay)\.io\//);
    }
    expect(text).not.toContain(':latest');
    expect(dockerfile).toMatch(/NODE_IMAGE=node:24\.\d+\.\d+-slim/);
  });

  test('only Nginx publishes a port', () => {
    const publishing = [...services].filter(([, service]) => /^ {4}ports:/m.test(service));
    expect(publishing.map(([name]) => name)).toEqual(['nginx']);
  });

  test('secrets come from files and stand in no variable', () => {
    const assigned = [...text.matchAll(/^ +([A-Z_]*(?:PASSWORD|SECRET|KEY|URL)[A-Z_]*): (.*)$/gm)];
    for (const [, name = '', value = ''] of assigned) {
      const harmless = name.endsWith('_FILE') || name === 'LLAMP_PUBLIC_URL';
      expect(harmless, `${name}: ${value}`).toBe(true);
    }
    const files = [...entriesOf('secrets').values()];
    expect(files).toHaveLength(12);
    for (const secret of files) expect(secret).toMatch(/file: \.\/secrets\//);
    // Git must never see them.
    const ignored = readFileSync('deployments/docker/.gitignore', 'utf8').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['secrets/', '.env', 'rendered/', 'backups/']));
  });

  test('the app is given only variables that its configuration knows', () => {
    const environment = text.slice(
      text.indexOf('&app-environment'),
      text.indexOf('  secrets:\n    - database_url'),
    );
    const names = [...environment.matchAll(/^ {4}([A-Z0-9_]+):/gm)].map(([, name]) => name);
    const known = VARIABLE_NAMES.flatMap((name) =>
      VARIABLES[name].file ? [name, `${name}_FILE`] : [name],
    );
    expect(names.length).toBeGreaterThan(10);
    expect(known).toEqual(expect.arrayContaining(names));
  });

  test('instances wait for the migration and for healthy stores, and may drain before they are killed', () => {
    const instance = text.slice(text.indexOf('x-app-instance'), text.indexOf('\nservices:'));
    expect(instance).toContain('migrate: { condition: service_completed_successfully }');
    for (const name of ['postgres', 'redis', 'minio', 'milvus']) {
      expect(instance).toContain(`${name}: { condition: service_healthy }`);
    }
    const drainMs = Number(/LLAMP_DRAIN_TIMEOUT_MS: "(\d+)"/.exec(text)?.[1]);
    const graceSeconds = Number(/stop_grace_period: (\d+)s/.exec(instance)?.[1]);
    expect(graceSeconds * 1000).toBeGreaterThan(drainMs);
  });

  test('the app has no privilege and no writable root', () => {
    const app = text.slice(text.indexOf('x-app: '), text.indexOf('x-app-instance'));
    for (const line of ['read_only: true', 'cap_drop: [ALL]', 'init: true'])
      expect(app).toContain(line);
    expect(text).toContain('security_opt: [no-new-privileges:true]');
    expect(text).not.toMatch(/privileged: true|docker\.sock|network_mode/);
    expect(dockerfile).toMatch(/^USER 10001:10001$/m);
    expect(dockerfile).toMatch(/^STOPSIGNAL SIGTERM$/m);
    expect(dockerfile).toContain('"/health/live"');
  });

  test('volumes are named', () => {
    const mounted = [...text.matchAll(/volumes: \["([a-z0-9-]+):/g)].map(([, name]) => name ?? '');
    expect(mounted.toSorted()).toEqual([...entriesOf('volumes').keys()].toSorted());
  });
});

interface Resolved {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly restart?: string;
        readonly logging?: { options: Record<string, string> };
        readonly deploy: { resources: { limits: { cpus: number; memory: string } } };
        readonly ports?: { target: number; host_ip: string }[];
      }
    >
  >;
}

const compose = await findCompose();

describe.skipIf(compose === undefined)(
  'docker compose reads the file [needs docker compose]',
  () => {
    const configOf = async (environment: Record<string, string> = {}) => {
      const [program = '', ...args] = compose ?? [];
      const files = ['docker-compose.yml', 'docker-compose.tls.yml'].flatMap((name) => [
        '-f',
        `deployments/docker/${name}`,
      ]);
      const { stdout } = await promisify(execFile)(
        program,
        [...args, ...files, 'config', '--format', 'json'],
        { env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...environment } },
      );
      return JSON.parse(stdout) as Resolved;
    };

    test('OP-2 every service is limited, restarted and has logs that rotate', async () => {
      const resolved = Object.entries((await configOf()).services);
      expect(resolved).toHaveLength(services.size);
      for (const [name, service] of resolved) {
        expect([name, service.restart]).toEqual([
          name,
          name === 'migrate' ? 'no' : 'unless-stopped',
        ]);
        expect([name, service.logging?.options]).toEqual([
          name,
          { 'max-size': '10m', 'max-file': '5' },
        ]);
        expect(Number(service.deploy.resources.limits.memory)).toBeGreaterThan(0);
        expect(service.ports?.map(({ target }) => target) ?? []).toEqual(
          name === 'nginx' ? [8080, 8443] : [],
        );
      }
    });

    test('OP-2 a mirror stands in front of every image but our own', async () => {
      const { services: resolved } = await configOf({ LLAMP_IMAGE_PREFIX: 'mirror.example.com/' });
      for (const [name, { image }] of Object.entries(resolved)) {
        const own = OWN.includes(name);
        expect(image.startsWith(own ? 'llamp:' : 'mirror.example.com/'), image).toBe(true);
      }
    });
  },
);
