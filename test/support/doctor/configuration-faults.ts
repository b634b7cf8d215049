import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './fault.ts';
import { foreignServer } from './machine-faults.ts';

const GOOD_PASSWORD = 'kX7-pq2_Zr9vLm4w';

/** Faults of variables and of the files that they name. */
export const CONFIGURATION_FAULTS: readonly Fault[] = [
  {
    name: 'a port that is none',
    check: 'configuration.valid',
    status: 'fail',
    env: { LLAMP_PORT: 'banana' },
  },
  {
    name: 'a URL of a database that is none',
    check: 'configuration.valid',
    status: 'fail',
    env: { DATABASE_URL: 'mysql://localhost/llamp' },
  },
  {
    name: 'a secret file that is missing',
    check: 'configuration.valid',
    status: 'fail',
    env: { OPENAI_API_KEY_FILE: '/nonexistent/key' },
  },
  {
    name: 'an object store without keys',
    check: 'configuration.valid',
    status: 'fail',
    env: { MINIO_ENDPOINT: 'http://127.0.0.1:9000' },
  },
  {
    name: 'a name with a typing mistake',
    check: 'configuration.valid',
    status: 'fail',
    env: { LLAMP_LOGLEVEL: 'debug' },
  },
  {
    name: 'a variable that nothing reads',
    check: 'configuration.unknown-variables',
    status: 'warn',
    env: { LLAMP_FROBNICATION: '1' },
  },
  {
    name: 'a broken file of models',
    check: 'configuration.models-file',
    status: 'fail',
    seed: ({ folder }) => {
      const path = join(folder, 'models.yaml');
      writeFileSync(path, 'providers: [unclosed\n');
      return { env: { LLAMP_CONFIG_FILE: path } };
    },
  },
  {
    name: 'a key that was counted up',
    check: 'configuration.weak-secrets',
    status: 'fail',
    env: {
      LLAMP_SECRET_KEY: Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString('base64'),
    },
  },
  {
    name: 'a password for the administrator that everybody knows',
    check: 'configuration.weak-secrets',
    status: 'fail',
    env: { LLAMP_BOOTSTRAP_ADMIN_PASSWORD: 'administrator123' },
  },
  {
    name: 'a secret file that everybody may read',
    check: 'configuration.secret-files',
    status: 'warn',
    seed: ({ folder }) => {
      const path = join(folder, 'key');
      writeFileSync(path, randomBytes(32).toString('base64'));
      chmodSync(path, 0o644);
      return { env: { LLAMP_SECRET_KEY_FILE: path } };
    },
  },
  {
    name: 'a public address without encryption',
    check: 'configuration.public-url',
    status: 'warn',
    env: { LLAMP_PUBLIC_URL: 'http://llamp.example.com' },
  },
  {
    name: 'a public address whose proxy is not trusted',
    check: 'configuration.public-url',
    status: 'warn',
    env: { LLAMP_PUBLIC_URL: 'https://llamp.example.com' },
  },
  {
    name: 'a public address that leads elsewhere',
    check: 'front.public-address',
    status: 'fail',
    seed: async (place) => ({
      env: {
        LLAMP_PUBLIC_URL: `http://127.0.0.1:${await foreignServer(place, 502, 'bad gateway')}`,
      },
      folder: { state: 'served' },
    }),
  },
  {
    name: 'an upstream that refuses the key',
    check: 'models.upstream',
    status: 'fail',
    seed: async (place) => ({
      env: {
        OPENAI_API_BASE: `http://127.0.0.1:${await foreignServer(place, 401, '{}')}/v1`,
        OPENAI_API_KEY: GOOD_PASSWORD,
      },
      options: { providers: true },
    }),
  },
  {
    name: 'an upstream that is away',
    check: 'models.upstream',
    status: 'fail',
    env: { OPENAI_API_BASE: 'http://127.0.0.1:1/v1' },
    seed: () => ({ options: { providers: true } }),
  },
];
