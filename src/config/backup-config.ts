import { redactedValue } from './redacted-value.ts';
import { VARIABLE_NAMES, type Values } from './schema.ts';

export interface BackupConfig {
  readonly targets: readonly string[];
  /** `age1…` */
  readonly recipient: string | undefined;
  /** Five fields of cron, UTC. Undefined: no backup by itself. */
  readonly schedule: string | undefined;
  readonly keep: { readonly daily: number; readonly weekly: number; readonly monthly: number };
  /** For targets in buckets; undefined when no endpoint and keys are known. */
  readonly s3: BackupS3Config | undefined;
  /** Every variable that is set, secrets masked: what a backup tells of the configuration. */
  printedValues(): Readonly<Record<string, string>>;
}

export interface BackupS3Config {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

export function backupFrom(values: Values): BackupConfig {
  const [daily = 0, weekly = 0, monthly = 0] = values.LLAMP_BACKUP_KEEP.split(',').map(Number);
  return {
    targets: values.LLAMP_BACKUP_TARGETS,
    recipient: values.LLAMP_BACKUP_RECIPIENT,
    schedule: values.LLAMP_BACKUP_SCHEDULE,
    keep: { daily, weekly, monthly },
    s3: s3From(values),
    printedValues: () => printedValuesOf(values),
  };
}

function s3From(values: Values): BackupS3Config | undefined {
  const endpoint = values.LLAMP_BACKUP_S3_ENDPOINT ?? values.MINIO_ENDPOINT;
  const accessKey = values.LLAMP_BACKUP_S3_ACCESS_KEY ?? values.MINIO_ACCESS_KEY;
  const secretKey = values.LLAMP_BACKUP_S3_SECRET_KEY ?? values.MINIO_SECRET_KEY;
  if (endpoint === undefined || accessKey === undefined || secretKey === undefined)
    return undefined;
  return { endpoint, accessKey, secretKey };
}

function printedValuesOf(values: Values): Record<string, string> {
  const printed = VARIABLE_NAMES.map((name) => [name, redactedValue(name, values[name])] as const);
  return Object.fromEntries(
    printed.flatMap(([name, text]) => (text === null ? [] : [[name, text]])),
  );
}
