/**
 * What `llamp doctor` asks of a server beyond what the stores need at work. Nothing here changes what is stored, except
 * `writeReadDelete`, which says so. Every call rejects with a `StoreProbeError` where the kind of trouble is known.
 */
export interface RedisProbe {
  /** The fields of INFO, all sections. */
  info(options: ProbeOptions): Promise<Readonly<Record<string, string>>>;
  /** A setting of CONFIG GET; undefined when the server does not tell. */
  setting(name: string, options: ProbeOptions): Promise<string | undefined>;
  now(options: ProbeOptions): Promise<Date>;
  close(): Promise<void>;
}

export interface ObjectsProbe {
  /** False when the bucket does not exist yet. */
  hasBucket(options: ProbeOptions): Promise<boolean>;
  /** The region that the server names for the bucket; undefined when it names none. */
  bucketRegion(options: ProbeOptions): Promise<string | undefined>;
  /** Whether anybody may list the bucket without keys. */
  isPublic(options: ProbeOptions): Promise<boolean>;
  /** The clock of the server, from the head of an answer. */
  now(options: ProbeOptions): Promise<Date | undefined>;
  /** Stores a small object, reads it and deletes it again. */
  writeReadDelete(options: ProbeOptions): Promise<void>;
  close(): Promise<void>;
}

export interface VectorsProbe {
  version(options: ProbeOptions): Promise<string>;
  /** Length of the vectors of each collection. */
  dimensions(
    collections: readonly string[],
    options: ProbeOptions,
  ): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

export interface ProbeOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export type StoreProbeErrorKind = 'unreachable' | 'refused' | 'wrong_region' | 'other';

/** Why a server could not be asked. */
export class StoreProbeError extends Error {
  readonly kind: StoreProbeErrorKind;
  constructor(kind: StoreProbeErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreProbeError';
    this.kind = kind;
  }
}
