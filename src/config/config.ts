import { type BackupConfig, backupFrom } from './backup-config.ts';
import { masterKeysFrom } from '../lib/secret-box.ts';
import type { Environment } from './mistakes.ts';
import { environmentText } from './environment-text.ts';
import type { Values } from './schema.ts';

/** The configuration as values; nobody else reads the environment. */
export interface Config {
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** Undefined: no separate listener. */
    readonly metricsPort: number | undefined;
    readonly publicUrl: string | undefined;
    readonly trustedProxies: readonly string[];
    readonly bodyMaxBytes: number;
    readonly fileMaxBytes: number;
    readonly drainTimeoutMs: number;
  };
  readonly dataDirectory: string;
  /** Undefined: embedded; the same for the stores below. */
  readonly database: { readonly url: string; readonly poolMax: number } | undefined;
  readonly redis: { readonly url: string } | undefined;
  readonly s3: S3Config | undefined;
  readonly milvus: { readonly host: string; readonly port: number } | undefined;
  readonly upstream: { readonly baseUrl: string; readonly apiKey: string | undefined } | undefined;
  readonly upstreamTimeouts: UpstreamTimeouts;
  /** Inner places that URLs set by users may lead to. */
  readonly outboundAllow: readonly string[];
  /** The first seals stored secrets, the others open them too. Undefined: the key file of the embedded shape, or none. */
  readonly masterKeys: readonly Uint8Array[] | undefined;
  readonly backup: BackupConfig;
  readonly configFile: ConfigFile | undefined;
  /** Undefined: the built-in lexical one. */
  readonly embeddingModel: string | undefined;
  readonly bootstrap: BootstrapConfig;
  /** Owners and administrators need a second factor. */
  readonly requireTotp: boolean;
  readonly workers: number;
  readonly auditMode: Values['LLAMP_AUDIT_MODE'];
  readonly logLevel: Values['LLAMP_LOG_LEVEL'];
}

export interface ConfigFile {
  readonly path: string;
  /** What `${NAME}` in the file stands for; undefined when it is not set. */
  readonly textOf: (name: string) => string | undefined;
}

export interface S3Config {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
}

export interface UpstreamTimeouts {
  readonly connectTimeoutMs: number;
  readonly firstTokenTimeoutMs: number;
  readonly betweenFramesTimeoutMs: number;
  readonly totalTimeoutMs: number;
}

export interface BootstrapConfig {
  readonly adminEmail: string | undefined;
  readonly adminPassword: string | undefined;
  readonly apiKey: string | undefined;
}

const OPENAI_BASE_URL = 'https://api.openai.com/v1';

export function configFrom(values: Values, env: Environment): Config {
  return {
    http: {
      host: values.LLAMP_HOST,
      port: values.LLAMP_PORT,
      metricsPort: values.LLAMP_METRICS_PORT,
      publicUrl: values.LLAMP_PUBLIC_URL?.replace(/\/+$/, ''),
      trustedProxies: values.LLAMP_TRUSTED_PROXIES,
      bodyMaxBytes: values.LLAMP_BODY_MAX_BYTES,
      fileMaxBytes: values.LLAMP_FILE_MAX_BYTES,
      drainTimeoutMs: values.LLAMP_DRAIN_TIMEOUT_MS,
    },
    dataDirectory: values.LLAMP_DATA_DIR,
    ...storesFrom(values),
    upstream: upstreamFrom(values),
    outboundAllow: values.LLAMP_OUTBOUND_ALLOW,
    upstreamTimeouts: {
      connectTimeoutMs: values.LLAMP_UPSTREAM_CONNECT_TIMEOUT_MS,
      firstTokenTimeoutMs: values.LLAMP_UPSTREAM_FIRST_TOKEN_TIMEOUT_MS,
      betweenFramesTimeoutMs: values.LLAMP_UPSTREAM_BETWEEN_FRAMES_TIMEOUT_MS,
      totalTimeoutMs: values.LLAMP_UPSTREAM_TOTAL_TIMEOUT_MS,
    },
    masterKeys: masterKeysFrom(keyTexts(values.LLAMP_SECRET_KEY)),
    backup: backupFrom(values),
    configFile: configFileFrom(values, env),
    embeddingModel: values.LLAMP_EMBEDDING_MODEL,
    bootstrap: {
      adminEmail: values.LLAMP_BOOTSTRAP_ADMIN_EMAIL?.toLowerCase(),
      adminPassword: values.LLAMP_BOOTSTRAP_ADMIN_PASSWORD,
      apiKey: values.LLAMP_BOOTSTRAP_API_KEY,
    },
    requireTotp: values.LLAMP_REQUIRE_TOTP === 'on',
    workers: values.LLAMP_WORKERS,
    auditMode: values.LLAMP_AUDIT_MODE,
    logLevel: values.LLAMP_LOG_LEVEL,
  };
}

const keyTexts = (text = '') => (text === '' ? [] : text.split(','));

function storesFrom(values: Values): Pick<Config, 'database' | 'redis' | 's3' | 'milvus'> {
  return {
    database:
      values.DATABASE_URL === undefined
        ? undefined
        : { url: values.DATABASE_URL, poolMax: values.LLAMP_DATABASE_POOL_MAX },
    redis: values.REDIS_URL === undefined ? undefined : { url: values.REDIS_URL },
    s3: s3From(values),
    milvus:
      values.MILVUS_HOST === undefined
        ? undefined
        : { host: values.MILVUS_HOST, port: values.MILVUS_PORT },
  };
}

function s3From(values: Values): S3Config | undefined {
  const {
    MINIO_ENDPOINT: endpoint,
    MINIO_ACCESS_KEY: accessKey,
    MINIO_SECRET_KEY: secretKey,
  } = values;
  if (endpoint === undefined || accessKey === undefined || secretKey === undefined)
    return undefined;
  return { endpoint, accessKey, secretKey, bucket: values.MINIO_BUCKET };
}

function configFileFrom(values: Values, env: Environment): ConfigFile | undefined {
  const path = values.LLAMP_CONFIG_FILE;
  return path === undefined ? undefined : { path, textOf: (name) => environmentText(env, name) };
}

function upstreamFrom(values: Values): Config['upstream'] {
  const apiKey = values.OPENAI_API_KEY;
  if (apiKey === undefined && values.OPENAI_API_BASE === undefined) return undefined;
  return { baseUrl: (values.OPENAI_API_BASE ?? OPENAI_BASE_URL).replace(/\/+$/, ''), apiKey };
}
