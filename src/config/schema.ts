import { BACKUP_VARIABLES } from './backup-variables.ts';
import {
  checkApiKey,
  checkBucket,
  checkEmail,
  checkHost,
  checkMasterKey,
  checkNetwork,
  checkOutboundPlace,
  checkPassword,
} from './value-checks.ts';
import { integer, list, oneOf, type TypedVariable, text, url } from './variable.ts';

const PORT = { min: 0, max: 65_535 };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Every variable that the application reads. `.env.example` and `docs/configuration.md` are made from it. */
export const VARIABLES = {
  LLAMP_HOST: text({
    group: 'listening',
    summary: 'Address to listen on. `0.0.0.0` for all; the container image sets that.',
    default: '127.0.0.1',
    example: '0.0.0.0',
  }),
  LLAMP_PORT: integer({
    group: 'listening',
    summary: 'Port of the API and the pages. 0 takes a free one.',
    ...PORT,
    default: 8000,
    example: '8000',
  }),
  LLAMP_METRICS_PORT: integer({
    group: 'listening',
    summary:
      'Extra port that serves `/metrics` without a key, for Prometheus in the same network. Without it, metrics are at `/metrics` of the main port for a key with the scope `metrics`.',
    ...PORT,
    example: '9090',
  }),
  LLAMP_PUBLIC_URL: url({
    group: 'listening',
    summary: 'Address under which people reach this installation; used in links that are printed.',
    schemes: ['http', 'https'],
    example: 'https://llamp.example.com',
  }),
  LLAMP_TRUSTED_PROXIES: list({
    group: 'listening',
    summary:
      'Addresses or networks whose `X-Forwarded-For` is believed. Leave empty when nothing stands in front.',
    check: checkNetwork,
    example: '10.0.0.0/8,127.0.0.1',
  }),

  LLAMP_DATA_DIR: text({
    group: 'data',
    summary:
      'Folder of the embedded stores and of the usage journal. One process at a time may use it.',
    default: './data',
    example: '/var/lib/llamp',
  }),
  DATABASE_URL: url({
    group: 'data',
    summary: 'PostgreSQL 15 or newer. Not set: PostgreSQL inside the process, in the data folder.',
    schemes: ['postgres', 'postgresql'],
    secret: true,
    file: true,
    example: 'postgres://llamp:password@postgres:5432/llamp',
  }),
  LLAMP_DATABASE_POOL_MAX: integer({
    group: 'data',
    summary: 'Most connections of one instance to PostgreSQL.',
    min: 2,
    max: 500,
    default: 10,
    example: '20',
  }),
  REDIS_URL: url({
    group: 'data',
    summary: 'Redis or Valkey for caches, counters and leases. Not set: memory of the process.',
    schemes: ['redis', 'rediss'],
    secret: true,
    file: true,
    example: 'redis://:password@redis:6379',
  }),
  MINIO_ENDPOINT: url({
    group: 'data',
    summary: 'Any S3 API: MinIO, RustFS, SeaweedFS, AWS. Not set: files in the data folder.',
    schemes: ['http', 'https'],
    file: true,
    example: 'http://minio:9000',
  }),
  MINIO_ACCESS_KEY: text({
    group: 'data',
    summary: 'Access key of `MINIO_ENDPOINT`.',
    secret: true,
    file: true,
    example: 'llamp',
  }),
  MINIO_SECRET_KEY: text({
    group: 'data',
    summary: 'Secret key of `MINIO_ENDPOINT`.',
    secret: true,
    file: true,
    example: 'a-long-random-secret',
  }),
  MINIO_BUCKET: text({
    group: 'data',
    summary: 'Bucket; created when it is missing.',
    default: 'llamp',
    file: true,
    check: checkBucket,
    example: 'llamp',
  }),
  MILVUS_HOST: text({
    group: 'data',
    summary: 'Host of Milvus. Not set: the vector index lives in the data folder.',
    file: true,
    check: checkHost,
    example: 'milvus',
  }),
  MILVUS_PORT: integer({
    group: 'data',
    summary: 'Port of Milvus.',
    min: 1,
    max: 65_535,
    default: 19_530,
    file: true,
    example: '19530',
  }),

  LLAMP_SECRET_KEY: text({
    group: 'data',
    summary:
      'Key that seals stored secrets, such as credentials of providers: 32 random bytes in base64 or hexadecimal digits, the same for every instance. Several, separated by commas: the first seals, the others only open, so that a key can be replaced (docs/security/secrets.md). Not set: `secret.key` in the data folder; with `DATABASE_URL` no credential can be stored then. Keep a copy apart from the backups: without it stored credentials are lost.',
    secret: true,
    file: true,
    check: checkMasterKey,
    example: 'output-of-openssl-rand-base64-32',
  }),

  ...BACKUP_VARIABLES,

  OPENAI_API_KEY: text({
    group: 'upstream',
    summary: 'Key of the upstream. When set, every model that the upstream lists is served.',
    secret: true,
    file: true,
    example: 'sk-…',
  }),
  OPENAI_API_BASE: url({
    group: 'upstream',
    summary:
      'Base URL of an OpenAI-compatible upstream. `https://api.openai.com/v1` when only the key is set; may stand alone for an upstream without keys.',
    schemes: ['http', 'https'],
    file: true,
    example: 'https://api.openai.com/v1',
  }),
  LLAMP_OUTBOUND_ALLOW: list({
    group: 'upstream',
    summary:
      'Private or local places that base URLs set through the API may lead to: host names, addresses or networks, the first two with a port if it matters. Others are refused. OPENAI_API_BASE and LLAMP_CONFIG_FILE need no entry.',
    check: checkOutboundPlace,
    example: '127.0.0.1:11434,ollama.internal,10.20.0.0/16',
  }),
  LLAMP_CONFIG_FILE: text({
    group: 'upstream',
    summary:
      'YAML file of providers, deployments and models, read at start and again on SIGHUP; see docs/models.md. Its names win over those of the API.',
    example: '/etc/llamp/models.yaml',
  }),
  LLAMP_EMBEDDING_MODEL: text({
    group: 'upstream',
    summary:
      'Embedding model of new vector stores. Not set: the built-in lexical one, which knows words but not meaning.',
    example: 'text-embedding-3-small',
  }),

  LLAMP_BOOTSTRAP_ADMIN_EMAIL: text({
    group: 'bootstrap',
    summary: 'E-mail address of the first administrator. Used only when the installation is empty.',
    file: true,
    check: checkEmail,
    example: 'admin@example.com',
  }),
  LLAMP_BOOTSTRAP_ADMIN_PASSWORD: text({
    group: 'bootstrap',
    summary:
      'Password of the first administrator, 12 to 128 characters. Not set: a one-time link is printed instead.',
    secret: true,
    file: true,
    check: checkPassword,
    example: 'a-long-passphrase',
  }),
  LLAMP_BOOTSTRAP_API_KEY: text({
    group: 'bootstrap',
    summary:
      'The first API key: 16 to 200 visible ASCII characters, or a key made by Llamp. Not set: one is generated and printed once.',
    secret: true,
    file: true,
    check: checkApiKey,
    example: 'sk-llamp-…',
  }),

  LLAMP_REQUIRE_TOTP: oneOf({
    group: 'signIn',
    summary:
      '`on`: owners and administrators who sign in may do nothing before they have enrolled a second factor. API keys are not concerned.',
    values: ['off', 'on'],
    default: 'off',
    example: 'on',
  }),

  LLAMP_BODY_MAX_BYTES: integer({
    group: 'limits',
    summary: 'Largest JSON body; a larger one is answered 413.',
    min: 1024,
    max: 1024 ** 3,
    unit: 'bytes',
    default: 10 * 1024 ** 2,
    example: '10485760',
  }),
  LLAMP_FILE_MAX_BYTES: integer({
    group: 'limits',
    summary: 'Largest file that can be uploaded.',
    min: 1024,
    max: 64 * 1024 ** 3,
    unit: 'bytes',
    default: 512 * 1024 ** 2,
    example: '536870912',
  }),
  LLAMP_UPSTREAM_CONNECT_TIMEOUT_MS: duration({
    summary: 'Time to connect to an upstream.',
    default: 5_000,
  }),
  LLAMP_UPSTREAM_FIRST_TOKEN_TIMEOUT_MS: duration({
    summary: 'Time from a request to the first byte of the answer of an upstream.',
    default: 2 * MINUTE_MS,
  }),
  LLAMP_UPSTREAM_BETWEEN_FRAMES_TIMEOUT_MS: duration({
    summary: 'Longest silence inside a stream of an upstream.',
    default: MINUTE_MS,
  }),
  LLAMP_UPSTREAM_TOTAL_TIMEOUT_MS: duration({
    summary: 'Time for a whole upstream request, all attempts together.',
    default: 10 * MINUTE_MS,
  }),
  LLAMP_DRAIN_TIMEOUT_MS: duration({
    summary: 'Time that running requests have to end after SIGTERM.',
    default: 30_000,
  }),
  LLAMP_WORKERS: integer({
    group: 'limits',
    summary: 'Files that one instance ingests at once. 0: this instance serves only.',
    min: 0,
    max: 64,
    default: 2,
    example: '4',
  }),

  LLAMP_AUDIT_MODE: oneOf({
    group: 'logging',
    summary:
      'What becomes of a read of content while the audit log takes no entry: `lenient` answers and counts it in `llamp_audit_dropped_total`, `strict` refuses it with 503. Changes are never made without their entry.',
    values: ['lenient', 'strict'],
    default: 'lenient',
    example: 'strict',
  }),
  LLAMP_LOG_LEVEL: oneOf({
    group: 'logging',
    summary: 'Least severe level that is written. One line of JSON (ECS) each, to standard output.',
    values: ['debug', 'info', 'warn', 'error', 'silent'],
    default: 'info',
    example: 'info',
  }),
};

export type VariableName = keyof typeof VARIABLES;
export type Values = {
  readonly [N in VariableName]: (typeof VARIABLES)[N] extends TypedVariable<infer T> ? T : never;
};
export const VARIABLE_NAMES = Object.keys(VARIABLES) as VariableName[];

function duration(description: { summary: string; default: number }) {
  return integer({
    group: 'limits',
    min: 1,
    max: 24 * HOUR_MS,
    unit: 'ms',
    example: String(description.default),
    ...description,
  });
}
