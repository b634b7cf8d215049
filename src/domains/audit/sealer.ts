import type { Log } from '../../lib/log.ts';
import type { SecretBox } from '../../lib/secret-box.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database, Transaction } from '../../ports/database.ts';
import { CHAIN_START, chainHash } from './chain.ts';
import { type AuditKeyRow, type Checkpoint, createAuditKey, makeCheckpoint } from './checkpoint.ts';
import {
  findAuditKey,
  findLastCheckpoint,
  insertAuditKey,
  insertCheckpoint,
} from './checkpoint-repository.ts';
import { ensureAuditPartitions } from './repository.ts';
import { storeCheckpoint } from './checkpoint-store.ts';
import {
  findLastSeal,
  holdSealer,
  insertSeals,
  listUnsealedEvents,
  type Seal,
  type UnsealedEvent,
} from './seal-repository.ts';

const BATCH = 500;
const SEAL_EVERY_MS = 1_000;
const CHECKPOINT_EVERY_MS = 60_000;
const MONTHS_EVERY_MS = 6 * 3_600_000;
const MONTHS_AHEAD = 2;

export interface SealerOptions {
  readonly database: Database;
  readonly blobs: BlobStore;
  /** Undefined without a master key: checkpoints are not signed then. */
  readonly box: SecretBox | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Chains what was written down, some time after it was: no change waits for it. Of several instances one seals at a
 * time. Once a minute a checkpoint goes to where the owner of the database cannot change it.
 */
export class AuditSealer {
  readonly #options: SealerOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #monthsPreparedMs = 0;

  constructor(options: SealerOptions) {
    this.#options = options;
  }

  /** This month and the next ones get tables of their own, so that old months can be dropped whole. */
  async prepareMonths(): Promise<void> {
    const { database, clock } = this.#options;
    this.#monthsPreparedMs = clock.monotonicMs();
    await ensureAuditPartitions(database, clock.now(), MONTHS_AHEAD);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Seals what is there and says so one last time. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#attempt(0);
  }

  /** Seals every complete event; returns how many this call sealed. */
  async seal(): Promise<number> {
    let total = 0;
    for (;;) {
      const sealed = await this.#options.database.transaction(sealBatch);
      total += sealed;
      if (sealed < BATCH) return total;
    }
  }

  /** Makes a checkpoint unless nothing was sealed since the last one, or that is younger than `everyMs`. */
  async checkpoint(everyMs = CHECKPOINT_EVERY_MS): Promise<Checkpoint | undefined> {
    const { database, blobs, log } = this.#options;
    const made = await database.transaction((transaction) => this.#claim(transaction, everyMs));
    if (made === undefined) return undefined;
    // The log has it even while the blob store is away.
    log.info({ audit: { checkpoint: made } }, 'the audit log stands here');
    await storeCheckpoint(blobs, made);
    return made;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#attempt(CHECKPOINT_EVERY_MS);
      // The only reason to wake early is the end.
      await clock.sleep(SEAL_EVERY_MS, signal).catch(() => undefined);
    }
  }

  async #attempt(everyMs: number): Promise<void> {
    try {
      await this.seal();
      await this.checkpoint(everyMs);
      const { clock } = this.#options;
      if (clock.monotonicMs() - this.#monthsPreparedMs >= MONTHS_EVERY_MS)
        await this.prepareMonths();
    } catch (error) {
      this.#options.log.warn({ error }, 'the audit log will be sealed later');
    }
  }

  async #claim(transaction: Transaction, everyMs: number): Promise<Checkpoint | undefined> {
    if (!(await holdSealer(transaction))) return undefined;
    const last = await findLastSeal(transaction);
    const before = await findLastCheckpoint(transaction);
    if (last === undefined || last.seq <= (before?.seq ?? 0)) return undefined;
    const { box, clock } = this.#options;
    const time = clock.now();
    if (before !== undefined && time.getTime() - before.created_at.getTime() < everyMs)
      return undefined;
    const state = { seq: last.seq, hash: last.hash, time };
    const signer = box && { box, key: await this.#signingKey(transaction, box) };
    const checkpoint = makeCheckpoint(state, signer);
    await insertCheckpoint(transaction, state);
    return checkpoint;
  }

  async #signingKey(transaction: Transaction, box: SecretBox): Promise<AuditKeyRow> {
    const known = await findAuditKey(transaction);
    if (known !== undefined) return known;
    const { clock } = this.#options;
    const key = createAuditKey(clock.newId('auditkey_'), clock.now(), box);
    await insertAuditKey(transaction, key);
    return key;
  }
}

async function sealBatch(transaction: Transaction): Promise<number> {
  if (!(await holdSealer(transaction))) return 0;
  const last = await findLastSeal(transaction);
  const events = await listUnsealedEvents(transaction, { last, limit: BATCH });
  if (events.length > 0) await transaction.execute(insertSeals(sealsOf(events, last)));
  return events.length;
}

/** The next links of the chain. */
export function sealsOf(events: readonly UnsealedEvent[], last: Seal | undefined): Seal[] {
  let previous = last?.hash ?? CHAIN_START;
  let seq = last?.seq ?? 0;
  return events.map(({ transaction_id, ordinal, ...event }) => {
    previous = chainHash(previous, event);
    seq += 1;
    const { id: event_id, created_at: event_created_at } = event;
    return { seq, event_id, event_created_at, transaction_id, ordinal, hash: previous };
  });
}
