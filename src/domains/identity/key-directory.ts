import { addressRanges } from '../../lib/address-ranges.ts';
import { hashApiKey, isWellFormedApiKey } from '../../lib/api-key.ts';
import type { Log } from '../../lib/log.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import { LastUseRecorder } from './last-use-recorder.ts';
import { type LiveKeyRow, listLiveKeys } from './key-repository.ts';
import type { Principal } from './principal.ts';
import { IDENTITY_CHANNEL, readRevision } from './revision-repository.ts';

const POLL_MS = 1_000;
const QUERY_TIMEOUT_MS = 5_000;
const PAGE_SIZE = 5_000;
const RECENT_MAX = 1_000;

interface LiveKey {
  readonly principal: Principal;
  readonly keyId: string;
  /** Infinity when it has no end. */
  readonly expiresAtMs: number;
}

interface Snapshot {
  readonly revision: number;
  readonly keys: ReadonlyMap<string, LiveKey>;
}

export interface KeyDirectoryOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Every live key in memory, so that authentication costs no query and goes on when the database is away. A change
 * anywhere is seen by notification, or by the revision within a second; the whole copy is then replaced at once.
 */
export class KeyDirectory {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #lastUse: LastUseRecorder;
  readonly #stop = new AbortController();
  #snapshot: Snapshot = { revision: 0, keys: new Map() };
  /** Of this snapshot, by the key as it was sent: its checksum and its hash cost more than the rest of a look-up. */
  readonly #recent = new Map<string, LiveKey>();
  #refreshing: Promise<void> | undefined;
  #refreshAgain = false;
  #polling: Promise<void> = Promise.resolve();
  #isAway = false;
  #unlisten: () => Promise<void> = async () => undefined;

  constructor(options: KeyDirectoryOptions) {
    this.#database = options.database;
    this.#clock = options.clock;
    this.#log = options.log.child({ component: 'key-directory' });
    this.#lastUse = new LastUseRecorder(options);
  }

  /** Loads the keys; rejects when the database cannot be asked. */
  async open(): Promise<void> {
    const onChange = () => {
      this.refresh().catch((error: unknown) => this.#noteFailure(error));
    };
    this.#unlisten = await this.#database.listen(IDENTITY_CHANNEL, onChange, onChange);
    await this.refresh();
    this.#polling = this.#poll();
  }

  /** Who the key acts as; null when it is malformed, unknown, revoked or expired. */
  authenticate(apiKey: string): Principal | null {
    const found = this.#recent.get(apiKey) ?? this.#find(apiKey);
    if (found === undefined) return null;
    const now = this.#clock.now();
    if (found.expiresAtMs <= now.getTime()) return null;
    this.#lastUse.record(found.keyId, now);
    return found.principal;
  }

  #find(apiKey: string): LiveKey | undefined {
    if (!isWellFormedApiKey(apiKey)) return undefined;
    const found = this.#snapshot.keys.get(mapKey(hashApiKey(apiKey)));
    if (found === undefined) return undefined;
    if (this.#recent.size === RECENT_MAX) this.#recent.clear();
    this.#recent.set(apiKey, found);
    return found;
  }

  /** Live keys that are known now. */
  get size(): number {
    return this.#snapshot.keys.size;
  }

  /** Resolves when every change that was committed before the call is in force here. */
  async refresh(): Promise<void> {
    if (this.#refreshing !== undefined) {
      // The load under way may have read before the change.
      this.#refreshAgain = true;
      return this.#refreshing;
    }
    this.#refreshing = this.#loadUntilCurrent().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#polling;
    await this.#unlisten();
    await this.#lastUse.flush();
  }

  async #loadUntilCurrent(): Promise<void> {
    do {
      this.#refreshAgain = false;
      this.#snapshot = await this.#load();
      this.#recent.clear();
    } while (this.#refreshAgain);
    this.#noteSuccess();
  }

  async #load(): Promise<Snapshot> {
    const options = { timeoutMs: QUERY_TIMEOUT_MS, signal: this.#stop.signal };
    // The revision first: a change in between is then loaded twice, never missed.
    const revision = await readRevision(this.#database, options);
    const keys = new Map<string, LiveKey>();
    const now = this.#clock.now();
    for (let afterId = ''; ; ) {
      const page = { now, afterId, limit: PAGE_SIZE };
      const rows = await listLiveKeys(this.#database, page, options);
      for (const row of rows) {
        keys.set(mapKey(row.key_hash), {
          keyId: row.id,
          expiresAtMs: row.expires_at?.getTime() ?? Number.POSITIVE_INFINITY,
          principal: principalOfKey(row),
        });
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE_SIZE) return { revision, keys };
      afterId = last.id;
    }
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stop;
    while (await this.#slept(POLL_MS)) {
      try {
        const revision = await readRevision(this.#database, {
          timeoutMs: QUERY_TIMEOUT_MS,
          signal,
        });
        if (revision !== this.#snapshot.revision) await this.refresh();
        await this.#lastUse.flushWhenDue();
        this.#noteSuccess();
      } catch (error) {
        this.#noteFailure(error);
      }
    }
  }

  async #slept(delayMs: number): Promise<boolean> {
    return this.#clock.sleep(delayMs, this.#stop.signal).then(
      () => true,
      () => false,
    );
  }

  // One line when it begins and one when it ends, not one a second.
  #noteFailure(error: unknown): void {
    if (this.#isAway || this.#stop.signal.aborted) return;
    this.#isAway = true;
    this.#log.warn({ error }, 'keys cannot be refreshed; the known ones stay valid');
  }

  #noteSuccess(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#log.info({ keys: this.size }, 'keys are refreshed again');
  }
}

export async function openKeyDirectory(options: KeyDirectoryOptions): Promise<KeyDirectory> {
  const directory = new KeyDirectory(options);
  await directory.open();
  return directory;
}

function principalOfKey(row: LiveKeyRow): Principal {
  const { models, allowed_addresses: addresses } = row;
  return {
    kind: 'api_key',
    organizationId: row.organization_id,
    projectId: row.project_id,
    apiKeyId: row.id,
    userId: row.created_by,
    scopes: row.scopes,
    models: models === null ? undefined : new Set(models),
    addresses: addresses === null ? undefined : addressRanges(addresses),
  };
}

// Bytes are no map keys; one character for each byte is the cheapest text.
function mapKey(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('latin1');
}
