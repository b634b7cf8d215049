import type { SealedColumn } from '../../../lib/sealed-column.ts';
import type { SecretBox } from '../../../lib/secret-box.ts';
import type { BlobStore } from '../../../ports/blob-store.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import type { QueueBacklog } from '../../../ports/job-queue.ts';
import type { ObjectsProbe, RedisProbe, VectorsProbe } from '../../../ports/store-probe.ts';
import type { VectorIndex } from '../../../ports/vector-index.ts';
import type { SchemaExtension } from '../migration/index.ts';
import type { Host } from './host.ts';

/** The part of the configuration that is looked at. */
export interface DoctorSettings {
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly metricsPort: number | undefined;
    readonly publicUrl: string | undefined;
    readonly trustedProxies: readonly string[];
  };
  readonly dataDirectory: string;
  readonly database: { readonly url: string; readonly poolMax: number } | undefined;
  readonly redis: { readonly url: string } | undefined;
  readonly s3:
    | {
        readonly endpoint: string;
        readonly accessKey: string;
        readonly secretKey: string;
        readonly bucket: string;
      }
    | undefined;
  readonly milvus: { readonly host: string; readonly port: number } | undefined;
  readonly upstream: { readonly baseUrl: string; readonly apiKey: string | undefined } | undefined;
  readonly masterKeys: readonly Uint8Array[] | undefined;
  readonly backup: { readonly targets: readonly string[]; readonly schedule: string | undefined };
  readonly bootstrap: {
    readonly adminPassword: string | undefined;
    readonly apiKey: string | undefined;
  };
}

/** A variable that is wrong; `reason` and `fix` hold no secret. */
export interface SettingMistake {
  readonly variable: string;
  readonly reason: string;
  readonly fix: string;
}

export interface Configuration {
  readonly settings: DoctorSettings;
  readonly mistakes: readonly SettingMistake[];
  /** `LLAMP_…` names that nothing reads. */
  readonly unknown: readonly string[];
  /** Paths of the files that `<NAME>_FILE` variables of secrets name. */
  readonly secretFiles: readonly { readonly variable: string; readonly path: string }[];
  /** Mistakes of LLAMP_CONFIG_FILE; undefined when there is no such file. */
  modelsFileMistakes?(): Promise<readonly SettingMistake[]>;
}

/** Whose the data folder is at this moment. */
export type FolderState =
  | { readonly state: 'missing' | 'free' | 'ours' }
  /** A running Llamp on the configured port has it. */
  | { readonly state: 'served' }
  | { readonly state: 'held'; readonly by: number | undefined };

/** Connections that open at their first use. Each rejects with the reason, for everybody who asks. */
export interface Probes {
  database(): Promise<Database>;
  redis(): Promise<RedisProbe>;
  objects(): Promise<ObjectsProbe>;
  blobs(): Promise<BlobStore>;
  vectors(): Promise<VectorsProbe>;
  index(): Promise<VectorIndex>;
  backlogs(): Promise<readonly QueueBacklog[]>;
  /** The keys of this installation; undefined when there are none. Makes none. */
  secretBox(): Promise<SecretBox | undefined>;
}

export interface DoctorOptions {
  /** Also ask the configured upstream. */
  readonly providers: boolean;
  /** Also write, read and delete a probe object. */
  readonly write: boolean;
  /** App instances that share the database. */
  readonly instances: number;
  /** Files of the certificate in front. */
  readonly certificate: { readonly path: string; readonly keyPath: string | undefined } | undefined;
  /** Longer transactions keep dead rows from being removed. */
  readonly longTransactionMs: number;
  /** Files that show no progress for so long are stuck. */
  readonly stuckMs: number;
}

export const DOCTOR_OPTIONS: DoctorOptions = {
  providers: false,
  write: false,
  instances: 1,
  certificate: undefined,
  longTransactionMs: 10 * 60_000,
  stuckMs: 30 * 60_000,
};

/** Everything that a check may look at. */
export interface DoctorContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly configuration: Configuration;
  readonly folder: FolderState;
  readonly host: Host;
  readonly clock: Clock;
  readonly probes: Probes;
  readonly schema: {
    readonly directory: string;
    readonly extensions: () => Promise<readonly SchemaExtension[]>;
  };
  readonly sealedColumns: readonly SealedColumn[];
  readonly options: DoctorOptions;
}

/** What is stored lies in the data folder. */
export const isEmbedded = ({ configuration }: DoctorContext): boolean =>
  configuration.settings.database === undefined;
