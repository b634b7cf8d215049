import { unixSeconds } from '../page.ts';

const DAY_MS = 86_400_000;

export type Metadata = Readonly<Record<string, string>>;

export interface StoreRecord {
  readonly id: string;
  readonly project_id: string;
  readonly organization_id: string;
  readonly name: string | null;
  readonly description: string | null;
  readonly metadata: Metadata;
  readonly expires_after_days: number | null;
  readonly embedding_model: string;
  readonly embedding_dimensions: number;
  readonly collection: string;
  readonly created_at: Date;
  readonly last_active_at: Date;
  readonly changed_at: Date;
}

/** What is undefined stays as it is. */
export interface StoreChange {
  readonly name?: string | null;
  readonly metadata?: Metadata;
  readonly expiresAfterDays?: number | null;
  readonly lastActiveAt: Date;
}

export interface FileCounts {
  readonly in_progress: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly total: number;
}

export const NO_FILES: FileCounts = {
  in_progress: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  total: 0,
};

/** When the store expires unless it is used before, or null. */
export function expiryOf(store: StoreRecord): Date | null {
  if (store.expires_after_days === null) return null;
  return new Date(store.last_active_at.getTime() + store.expires_after_days * DAY_MS);
}

export function isExpired(store: StoreRecord, now: Date): boolean {
  const expiry = expiryOf(store);
  return expiry !== null && expiry <= now;
}

/** OpenAI's vector store, and which model embeds it. */
export function storeObject(
  store: StoreRecord,
  counts: (FileCounts & { usageBytes: number }) | undefined,
  now: Date,
) {
  const { usageBytes, ...fileCounts } = counts ?? { ...NO_FILES, usageBytes: 0 };
  const expiry = expiryOf(store);
  return {
    id: store.id,
    object: 'vector_store' as const,
    created_at: unixSeconds(store.created_at),
    name: store.name,
    description: store.description,
    usage_bytes: usageBytes,
    file_counts: fileCounts,
    status: statusOf(store, fileCounts, now),
    expires_after:
      store.expires_after_days === null
        ? null
        : { anchor: 'last_active_at' as const, days: store.expires_after_days },
    expires_at: expiry === null ? null : unixSeconds(expiry),
    last_active_at: unixSeconds(store.last_active_at),
    metadata: store.metadata,
    embedding_model: store.embedding_model,
  };
}

export type StoreObject = ReturnType<typeof storeObject>;

function statusOf(
  store: StoreRecord,
  counts: FileCounts,
  now: Date,
): 'expired' | 'in_progress' | 'completed' {
  if (isExpired(store, now)) return 'expired';
  return counts.in_progress > 0 ? 'in_progress' : 'completed';
}
