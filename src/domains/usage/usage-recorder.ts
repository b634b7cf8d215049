import type { Log } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Database, DatabaseError } from '../../ports/database.ts';
import { UsageJournal } from './journal.ts';
import { lineOfCall, recordOfInterrupted } from './interrupted-calls.ts';
import { OpenCalls } from './open-calls.ts';
import { NO_PRICES, type PriceBook } from './price-book.ts';
import { ensureUsagePartitions, insertUsageLines } from './repository.ts';
import type { BegunCall, UsageRecord, UsageRecorder } from './usage-record.ts';
import { lineOfRecord, simplifiedLine } from './usage-row.ts';

export interface UsageRecorderOptions {
  readonly database: Database;
  /** Belongs to this instance alone. */
  readonly journalDirectory: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Of calls that a death of the process interrupted; default: they cost nothing that is known. */
  readonly prices?: PriceBook;
  /** Longest time a record waits while the database answers. Default 200. */
  readonly flushIntervalMs?: number;
  /** Rows of one insert, and the number of waiting ones that starts a flush at once. Default 500. */
  readonly batchRows?: number;
}

const INSERT_TIMEOUT_MS = 10_000;
const RETRY_MAX_MS = 5_000;
const PARTITION_CHECK_MS = 6 * 3_600_000;
const PARTITION_MONTHS_AHEAD = 2;
// While the database is away a segment grows to this size before the next one is started.
const SEGMENT_BYTES_MAX = 8 * 1024 * 1024;
// Records that the disk refused are kept in memory up to this number.
const UNWRITTEN_MAX = 10_000;

/**
 * Opens the recorder. Records that an earlier process of this journal left behind are written again first; that is
 * harmless, because a row has the same key each time. A database that is away only delays the rows.
 */
export async function openUsageRecorder(
  options: UsageRecorderOptions,
): Promise<JournaledUsageRecorder> {
  const { journalDirectory } = options;
  const journal = await UsageJournal.open(journalDirectory);
  return new JournaledUsageRecorder(options, journal, OpenCalls.open(journalDirectory));
}

/** Journal first, SQL in batches behind it; see `UsageRecorder` for what a crash can lose. */
export class JournaledUsageRecorder implements UsageRecorder {
  readonly #options: UsageRecorderOptions;
  readonly #journal: UsageJournal;
  readonly #openCalls: OpenCalls;
  readonly #batchRows: number;
  readonly #closing = new AbortController();
  readonly #flusher: Promise<void>;
  #unwritten: string[] = [];
  #interruptedSettled = false;
  #beginRefused = false;
  #wake: () => void = () => undefined;
  #flushing: Promise<void> | undefined;
  #partitionsCheckedMs: number | undefined;

  constructor(options: UsageRecorderOptions, journal: UsageJournal, openCalls: OpenCalls) {
    this.#options = options;
    this.#journal = journal;
    this.#openCalls = openCalls;
    this.#batchRows = options.batchRows ?? 500;
    this.#flusher = this.#flushUntilClosed();
  }

  /** A disk that refuses the line is no reason to refuse the call: it only would not be known if we died. */
  begin(call: BegunCall): void {
    try {
      this.#openCalls.begin(call.id, lineOfCall(call));
      this.#beginRefused = false;
    } catch (error) {
      if (!this.#beginRefused) this.#options.log.error({ error }, 'open calls cannot be written');
      this.#beginRefused = true;
    }
  }

  record(record: UsageRecord): void {
    const line = lineOfRecord(record);
    const idle = !this.#hasWork();
    try {
      this.#journal.append(line);
    } catch (error) {
      if (!this.#keepUnwritten(line, error)) return;
    }
    this.#openCalls.end(record.id);
    const waiting = this.#showWaiting();
    if (idle || waiting === this.#batchRows) this.#wake();
  }

  /** Writes everything recorded so far to SQL; rejects when the database does not take it. */
  async flush(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing.catch(() => undefined);
    this.#flushing = this.#flushAll().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  /** Flushes what is left. When the database is away the journal stays and the next start writes it. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#wake();
    await this.#flusher;
    try {
      await this.flush();
    } catch (error) {
      this.#options.log.warn({ error }, 'usage records stay in the journal until next start');
    }
    this.#journal.rotate();
    this.#openCalls.close();
  }

  async #flushUntilClosed(): Promise<void> {
    const { clock, log } = this.#options;
    const intervalMs = this.#options.flushIntervalMs ?? 200;
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      try {
        await this.#checkPartitions();
        await this.flush();
        await this.#settleInterrupted();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) log.warn({ error }, 'usage records wait in the journal');
      }
      if (failures === 0) await this.#untilWork();
      const full = failures === 0 && this.#waiting() >= this.#batchRows;
      const pauseMs = Math.min(RETRY_MAX_MS, intervalMs * 2 ** Math.min(failures, 10));
      // A timer in every round, however short: a loop of promises alone would stop the whole process.
      await this.#pause(clock, full ? 0 : pauseMs);
    }
  }

  /** Something lies in the journal or in memory that a flush can bring into SQL. */
  #hasWork(): boolean {
    const { openSizeBytes, closedSegments } = this.#journal;
    return openSizeBytes > 0 || closedSegments.length > 0 || this.#unwritten.length > 0;
  }

  /** Records of this process that are not in SQL yet. */
  #waiting(): number {
    return this.#journal.waitingLines + this.#unwritten.length;
  }

  #showWaiting(): number {
    const waiting = this.#waiting();
    this.#options.metrics.usageBuffered.set(waiting);
    return waiting;
  }

  /** Resolves at the next record, at once when one waits already. */
  async #untilWork(): Promise<void> {
    if (this.#hasWork() || this.#closing.signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Lets records gather; a full batch or `close` ends it early. */
  async #pause(clock: Clock, delayMs: number): Promise<void> {
    const early = new AbortController();
    this.#wake = () => early.abort();
    if (this.#closing.signal.aborted) return;
    await clock.sleep(delayMs, early.signal).catch(() => undefined);
  }

  async #flushAll(): Promise<void> {
    // During an outage a new segment for every attempt would litter the folder.
    const backlog = this.#journal.closedSegments.length > 0;
    if (!backlog || this.#journal.openSizeBytes > SEGMENT_BYTES_MAX) this.#journal.rotate();
    await this.#flushUnwritten();
    for (const segment of [...this.#journal.closedSegments]) await this.#flushSegment(segment);
    if (backlog && this.#journal.openSizeBytes > 0) await this.#flushAll();
  }

  /**
   * Behind the first flush: by then every record of the earlier process is in SQL, and a call that has one is left out by
   * its id.
   */
  async #settleInterrupted(): Promise<void> {
    if (this.#interruptedSettled) return;
    const { prices = NO_PRICES, log } = this.#options;
    const lines = await this.#openCalls.leftover();
    const records = lines.flatMap((line) => recordOfInterrupted(line, prices) ?? []);
    await this.#insertAll(records.map(lineOfRecord));
    await this.#openCalls.forgetLeftover();
    this.#interruptedSettled = true;
    if (lines.length > 0)
      log.info({ calls: lines.length }, 'calls of an earlier process looked at');
  }

  async #flushSegment(segment: string): Promise<void> {
    const { lines, broken } = await this.#journal.read(segment);
    await this.#insertAll(lines);
    if (broken.length > 0) this.#setAside(broken, 'a usage record in the journal is broken');
    await this.#journal.remove(segment);
    this.#options.metrics.usageWritten.inc(lines.length);
    this.#showWaiting();
  }

  async #flushUnwritten(): Promise<void> {
    const lines = [...this.#unwritten];
    if (lines.length === 0) return;
    await this.#insertAll(lines);
    this.#unwritten = this.#unwritten.slice(lines.length);
    this.#options.metrics.usageWritten.inc(lines.length);
    this.#showWaiting();
  }

  async #insertAll(lines: readonly string[]): Promise<void> {
    for (let start = 0; start < lines.length; start += this.#batchRows) {
      await this.#insertBatch(lines.slice(start, start + this.#batchRows));
    }
  }

  async #insertBatch(batch: readonly string[]): Promise<void> {
    try {
      await insertUsageLines(this.#options.database, batch, { timeoutMs: INSERT_TIMEOUT_MS });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      // One row that SQL refuses must not hold up the others for ever.
      for (const line of batch) {
        if (batch.length === 1) await this.#insertSimplified(line, error);
        else await this.#insertBatch([line]);
      }
    }
  }

  /** What an upstream or a client made up must not cost the record: without it SQL may take the row. */
  async #insertSimplified(line: string, refusal: unknown): Promise<void> {
    const { database, log } = this.#options;
    try {
      await insertUsageLines(database, [simplifiedLine(line)], { timeoutMs: INSERT_TIMEOUT_MS });
      log.warn({ error: refusal }, "a usage record was stored without the upstream's own report");
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#setAside([line], 'SQL refused a usage record', error);
    }
  }

  #setAside(lines: readonly string[], message: string, error?: unknown): void {
    this.#journal.setAside(lines);
    this.#options.log.error({ error, count: lines.length }, `${message}; see rejected.jsonl`);
  }

  /** False when there is no room in memory either. */
  #keepUnwritten(line: string, error: unknown): boolean {
    this.#options.log.error({ error }, 'the usage journal cannot be written');
    if (this.#unwritten.length < UNWRITTEN_MAX) return this.#unwritten.push(line) > 0;
    this.#options.log.error({ line }, 'a usage record is only in this log line');
    return false;
  }

  async #checkPartitions(): Promise<void> {
    const { clock, database, log } = this.#options;
    const nowMs = clock.monotonicMs();
    const last = this.#partitionsCheckedMs;
    if (last !== undefined && nowMs - last < PARTITION_CHECK_MS) return;
    try {
      await ensureUsagePartitions(database, clock.now(), PARTITION_MONTHS_AHEAD);
    } catch (error) {
      if (error instanceof DatabaseError && error.unavailable) return;
      // The default partition takes the rows, so this is no reason to hold them back.
      log.error({ error }, 'the next months of usage records could not be prepared');
    }
    this.#partitionsCheckedMs = nowMs;
  }
}

// Class 22 is bad data, 23 a violated constraint, 54 a limit such as JSON nested too deeply: the same row fails the
// same way each time.
function isRefusal(error: unknown): boolean {
  return error instanceof DatabaseError && /^(22|23|54)/.test(error.sqlState ?? '');
}
