import { performance } from 'node:perf_hooks';
import { connect } from 'node:tls';
import { oldestUnsealedAt } from './domains/audit/checks.ts';
import { countStored } from './domains/knowledge/checks.ts';
import { readDatabaseSize } from './domains/ops/doctor/index.ts';
import { appliedSchemaVersion } from './domains/ops/migration/index.ts';
import { fullestBudgets } from './domains/usage/checks.ts';
import { collectTogether } from './lib/collect-together.ts';
import type { Metrics } from './lib/metrics.ts';
import type { Clock } from './ports/clock.ts';
import type { Database } from './ports/database.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const CONNECT_TIMEOUT_MS = 3_000;
const MS_PER_SECOND = 1_000;
const PERIODS = ['day', 'month', 'total'] as const;
const monotonicMs = () => performance.now();

/** What is stored, as a scraper may ask for it: each query runs once a minute at most, however often it is asked. */
export function observeStored(
  { database, clock }: { database: Database; clock: Clock },
  metrics: Metrics,
): void {
  const cached = { maxAgeMs: MINUTE_MS, monotonicMs };
  const { databaseWaiting, databaseSize, schemaVersion, auditSealLag } = metrics;
  collectTogether([databaseWaiting], () => databaseWaiting.set(database.waiting), { monotonicMs });
  collectTogether(
    [databaseSize, schemaVersion],
    async () => {
      databaseSize.set(await readDatabaseSize(database));
      schemaVersion.set(await appliedSchemaVersion(database));
    },
    cached,
  );
  observeContent(database, metrics);
  const readLag = async () => {
    const since = await oldestUnsealedAt(database);
    const lagMs = since === undefined ? 0 : clock.now().getTime() - since.getTime();
    auditSealLag.set(Math.max(0, lagMs / MS_PER_SECOND));
  };
  collectTogether([auditSealLag], readLag, cached);
  const readBudgets = async () => {
    const used = await fullestBudgets(database);
    for (const period of PERIODS)
      metrics.budgetUsed.set({ period }, used.find((each) => each.period === period)?.ratio ?? 0);
  };
  collectTogether([metrics.budgetUsed], readBudgets, cached);
}

function observeContent(database: Database, metrics: Metrics): void {
  const { storedFiles, storedBytes, storedChunks } = metrics;
  const read = async () => {
    const { files, sizeBytes, chunks } = await countStored(database);
    storedFiles.set(files);
    storedBytes.set(sizeBytes);
    storedChunks.set(chunks);
  };
  collectTogether([storedFiles, storedBytes, storedChunks], read, {
    maxAgeMs: 5 * MINUTE_MS,
    monotonicMs,
  });
}

/** When the certificate ends that people are shown; the address is that of our own front. */
export function observeCertificate(
  publicUrl: string | undefined,
  { certificateExpiry }: Metrics,
): void {
  if (publicUrl?.startsWith('https:') !== true) {
    certificateExpiry.set(Number.NaN);
    return;
  }
  const read = async (signal: AbortSignal) =>
    certificateExpiry.set(
      (await certificateEnd(new URL(publicUrl), signal)).getTime() / MS_PER_SECOND,
    );
  collectTogether([certificateExpiry], read, { maxAgeMs: HOUR_MS, monotonicMs });
}

async function certificateEnd({ hostname, port }: URL, signal: AbortSignal): Promise<Date> {
  const { promise, resolve, reject } = Promise.withResolvers<Date>();
  // One that has ended, or that nobody vouches for, is what has to be told; nothing is sent over the connection.
  const socket = connect({
    host: hostname,
    port: port === '' ? 443 : Number(port),
    servername: hostname,
    rejectUnauthorized: false,
    timeout: CONNECT_TIMEOUT_MS,
  });
  const abort = () => socket.destroy(new Error('aborted'));
  signal.addEventListener('abort', abort, { once: true });
  socket.once('error', reject);
  socket.once('timeout', () => socket.destroy(new Error('no answer')));
  socket.once('secureConnect', () => resolve(new Date(socket.getPeerCertificate().valid_to)));
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}
