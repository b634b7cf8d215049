import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { apiKeyPrefix, generateApiKey, isWellFormedApiKey } from '../lib/api-key.ts';
import { loadConfig, loadVariables } from './load.ts';
import { ConfigError, type Mistake } from './mistakes.ts';
import { printableConfig } from './redact.ts';

const folder = mkdtempSync(join(tmpdir(), 'llamp-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function secretFile(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function mistakesOf(env: Record<string, string>): readonly Mistake[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

describe('a configuration that is right', () => {
  test('nothing set: everything embedded, on loopback', () => {
    const config = loadConfig({});
    expect(config.http).toMatchObject({ host: '127.0.0.1', port: 8000, metricsPort: undefined });
    expect(config.dataDirectory).toBe('./data');
    expect([config.database, config.redis, config.s3, config.milvus, config.upstream]).toEqual(
      Array.from({ length: 5 }),
    );
  });

  test('all stores set: all distributed', () => {
    const config = loadConfig({
      DATABASE_URL: 'postgres://llamp:p%40ss@db:5432/llamp',
      REDIS_URL: 'redis://redis:6379',
      MINIO_ENDPOINT: 'http://minio:9000',
      MINIO_ACCESS_KEY: 'access',
      MINIO_SECRET_KEY: 'secret',
      MILVUS_HOST: 'milvus',
      OPENAI_API_KEY: 'sk-up',
    });
    expect(config.database).toEqual({
      url: 'postgres://llamp:p%40ss@db:5432/llamp',
      poolMax: 10,
    });
    expect(config.s3).toMatchObject({ bucket: 'llamp', accessKey: 'access' });
    expect(config.milvus).toEqual({ host: 'milvus', port: 19_530 });
    expect(config.upstream).toEqual({ baseUrl: 'https://api.openai.com/v1', apiKey: 'sk-up' });
  });

  test('an upstream without keys needs only its base URL', () => {
    expect(loadConfig({ OPENAI_API_BASE: 'http://127.0.0.1:9/v1/' }).upstream).toEqual({
      baseUrl: 'http://127.0.0.1:9/v1',
      apiKey: undefined,
    });
  });

  test('an empty value counts as not set', () => {
    expect(loadConfig({ DATABASE_URL: '', LLAMP_PORT: '' }).http.port).toBe(8000);
  });

  test('GW-11 the master key comes as bytes, from either notation', () => {
    const bytes = Buffer.alloc(32, 7);
    for (const text of [bytes.toString('base64'), bytes.toString('hex')]) {
      expect(loadConfig({ LLAMP_SECRET_KEY: text }).masterKeys).toEqual([bytes]);
    }
    expect(loadConfig({}).masterKeys).toBeUndefined();
  });

  test('a file of models may name variables, and files that hold them', () => {
    const path = secretFile('upstream-key', 'sk-in-a-file\n');
    const env = { LLAMP_CONFIG_FILE: 'models.yaml', ONE: 'sk-one', TWO_FILE: path, EMPTY: '' };
    const file = loadConfig(env).configFile;
    expect(file?.path).toBe('models.yaml');
    expect(['ONE', 'TWO', 'EMPTY', 'NONE'].map((name) => file?.textOf(name))).toEqual([
      'sk-one',
      'sk-in-a-file',
      undefined,
      undefined,
    ]);
  });

  test('a secret comes from a file, without its final line break', () => {
    const path = secretFile('key', 'sk-from-file\n');
    expect(loadConfig({ OPENAI_API_KEY_FILE: path }).upstream?.apiKey).toBe('sk-from-file');
  });
});

describe('mistakes', () => {
  const wrong: [title: string, env: Record<string, string>, variable: string][] = [
    ['a port that is no number', { LLAMP_PORT: 'http' }, 'LLAMP_PORT'],
    ['a port out of range', { LLAMP_PORT: '65536' }, 'LLAMP_PORT'],
    ['a number with a fraction', { LLAMP_WORKERS: '1.5' }, 'LLAMP_WORKERS'],
    ['a Kubernetes service link', { LLAMP_PORT: 'tcp://10.0.0.1:8000' }, 'LLAMP_PORT'],
    ['a wrong scheme', { DATABASE_URL: 'mysql://db/llamp' }, 'DATABASE_URL'],
    ['an unescaped @', { DATABASE_URL: 'postgres://u:p@ss@db/llamp' }, 'DATABASE_URL'],
    ['an unescaped /', { DATABASE_URL: 'postgres://u:p/ss@db/llamp' }, 'DATABASE_URL'],
    ['no host', { DATABASE_URL: 'postgres://' }, 'DATABASE_URL'],
    ['Redis over http', { REDIS_URL: 'http://redis' }, 'REDIS_URL'],
    ['an endpoint without scheme', { MINIO_ENDPOINT: 'minio:9000' }, 'MINIO_ENDPOINT'],
    ['an endpoint without keys', { MINIO_ENDPOINT: 'http://minio:9000' }, 'MINIO_SECRET_KEY'],
    ['keys without an endpoint', { MINIO_ACCESS_KEY: 'a' }, 'MINIO_ACCESS_KEY'],
    ['a bucket with a space', { MINIO_BUCKET: 'my bucket' }, 'MINIO_BUCKET'],
    ['a host with a port', { MILVUS_HOST: 'milvus:19530' }, 'MILVUS_HOST'],
    [
      'a short password',
      { LLAMP_BOOTSTRAP_ADMIN_PASSWORD: 'short' },
      'LLAMP_BOOTSTRAP_ADMIN_PASSWORD',
    ],
    ['a master key that is too short', { LLAMP_SECRET_KEY: 'c2hvcnQ=' }, 'LLAMP_SECRET_KEY'],
    ['a foreign key', { LLAMP_BOOTSTRAP_API_KEY: 'sk-abc' }, 'LLAMP_BOOTSTRAP_API_KEY'],
    ['no e-mail address', { LLAMP_BOOTSTRAP_ADMIN_EMAIL: 'root' }, 'LLAMP_BOOTSTRAP_ADMIN_EMAIL'],
    ['an unknown level', { LLAMP_LOG_LEVEL: 'verbose' }, 'LLAMP_LOG_LEVEL'],
    [
      'a proxy that is no address',
      { LLAMP_TRUSTED_PROXIES: '10.0.0.0/33' },
      'LLAMP_TRUSTED_PROXIES',
    ],
    [
      'twice the same port',
      { LLAMP_PORT: '9000', LLAMP_METRICS_PORT: '9000' },
      'LLAMP_METRICS_PORT',
    ],
    ['a file that is missing', { REDIS_URL_FILE: '/nonexistent/file' }, 'REDIS_URL_FILE'],
    ['an unknown name', { LLAMP_PROT: '1' }, 'LLAMP_PROT'],
    ['a twin of what is no secret', { LLAMP_PORT_FILE: '/tmp/x' }, 'LLAMP_PORT_FILE'],
    [
      'a first token later than the total',
      { LLAMP_UPSTREAM_TOTAL_TIMEOUT_MS: '1000' },
      'LLAMP_UPSTREAM_FIRST_TOKEN_TIMEOUT_MS',
    ],
  ];
  test.each(wrong)('%s', (_title, env, variable) => {
    const mistake = mistakesOf(env).find((one) => one.variable === variable);
    expect(mistake?.reason).toBeTruthy();
    expect(mistake?.fix).toBeTruthy();
  });

  test('all at once', () => {
    const names = mistakesOf({
      LLAMP_PORT: 'x',
      DATABASE_URL: 'y',
      LLAMP_LOG_LEVEL: 'z',
      LLAMP_LOG_LEVL: '1',
    }).map((mistake) => mistake.variable);
    expect(names.sort()).toEqual([
      'DATABASE_URL',
      'LLAMP_LOG_LEVEL',
      'LLAMP_LOG_LEVL',
      'LLAMP_PORT',
    ]);
  });

  test('names of others are left alone', () => {
    expect(mistakesOf({ LLAMP_SERVICE_HOST: '10.0.0.1', LLAMP_OF_A_SCRIPT: '1' })).toEqual([]);
  });

  test('a name that is nearly right is suggested', () => {
    expect(mistakesOf({ LLAMP_DATA_DIRECTORY: 'x' })[0]?.fix).toBe('did you mean LLAMP_DATA_DIR?');
  });

  test('a value and its file together', () => {
    const path = secretFile('redis', 'redis://a');
    expect(mistakesOf({ REDIS_URL: 'redis://b', REDIS_URL_FILE: path })).toHaveLength(1);
  });

  test('an empty file', () => {
    expect(mistakesOf({ REDIS_URL_FILE: secretFile('empty', '\n') })).toHaveLength(1);
  });

  test('no message shows a secret', () => {
    const canary = 'canary-7f3a';
    const env = {
      DATABASE_URL: `postgres://u:${canary}@x@db/llamp`,
      LLAMP_BOOTSTRAP_API_KEY: canary,
      LLAMP_BOOTSTRAP_ADMIN_PASSWORD: 'short7f3a',
    };
    const text = JSON.stringify(mistakesOf(env));
    expect(text).toContain('DATABASE_URL');
    expect(text).not.toContain('7f3a');
  });
});

test('the printed configuration hides every secret', () => {
  const printed = JSON.stringify(
    printableConfig(
      loadVariables({
        DATABASE_URL: 'postgres://llamp:canary-1@db/llamp?password=canary-2',
        REDIS_URL: 'redis://:canary-3@redis',
        OPENAI_API_KEY: 'canary-4',
        MINIO_ENDPOINT: 'http://minio:9000',
        MINIO_ACCESS_KEY: 'canary-5',
        MINIO_SECRET_KEY: 'https://canary-6/',
        LLAMP_SECRET_KEY: `canary${'a'.repeat(37)}=`,
        LLAMP_BOOTSTRAP_ADMIN_PASSWORD: 'canary-7-long-enough',
      }),
    ),
  );
  expect(printed).not.toContain('canary');
  expect(printed).toContain('"DATABASE_URL","value":"postgres://llamp:********@db/llamp"');
  expect(printed).toContain('"LLAMP_PORT","value":"8000","source":"default"');
});

describe('keys', () => {
  test('have a form that is checked without a look-up', () => {
    const key = generateApiKey();
    expect(key).toMatch(/^sk-llamp-[0-9A-Za-z]{38}$/);
    expect(isWellFormedApiKey(key)).toBe(true);
    expect(key.startsWith(apiKeyPrefix(key))).toBe(true);
    expect(apiKeyPrefix(key)).toHaveLength(15);
  });

  test('one changed character is noticed', () => {
    const key = generateApiKey();
    for (let place = 9; place < key.length; place++) {
      const other = key[place] === 'a' ? 'b' : 'a';
      expect(isWellFormedApiKey(key.slice(0, place) + other + key.slice(place + 1))).toBe(false);
    }
  });
});
