import type { ArchiveStore, ListedBackup } from './archive/archive-store.ts';
import { refused } from './backup-error.ts';

/** How many are kept: of the newest days, weeks and months one each, the newest of its time; and all of the last day. */
export interface KeepRule {
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

export const KEEP_DEFAULT: KeepRule = { daily: 7, weekly: 4, monthly: 12 };

export interface PruneResult {
  readonly kept: readonly string[];
  readonly deletedBackups: readonly string[];
  readonly deletedChunks: number;
  readonly freedBytes: number;
}

const DELETE_BATCH = 500;
const DAY_MS = 86_400_000;
// The first day of 1970 was a Thursday; weeks begin on Mondays.
const MONDAY_OFFSET_DAYS = 3;

/** Which of these the rule keeps; always those of the day before the newest. */
export function keptBackups(
  backups: readonly { id: string; time: Date }[],
  rule: KeepRule,
): Set<string> {
  const newestFirst = [...backups].sort((a, b) => b.time.getTime() - a.time.getTime());
  const lastDayMs = (newestFirst[0]?.time.getTime() ?? 0) - DAY_MS;
  const recent = newestFirst.filter(({ time }) => time.getTime() > lastDayMs);
  const kept = new Set(recent.map(({ id }) => id));
  const spans: [number, (time: Date) => string][] = [
    [rule.daily, (time) => time.toISOString().slice(0, 10)],
    [rule.weekly, (time) => String(Math.floor((time.getTime() / DAY_MS + MONDAY_OFFSET_DAYS) / 7))],
    [rule.monthly, (time) => time.toISOString().slice(0, 7)],
  ];
  for (const [count, spanOf] of spans) {
    const newestOf = new Map<string, string>();
    for (const { id, time } of newestFirst) {
      const span = spanOf(time);
      if (!newestOf.has(span)) newestOf.set(span, id);
    }
    for (const id of [...newestOf.values()].slice(0, count)) kept.add(id);
  }
  return kept;
}

/**
 * Deletes backups that the rule does not keep, then every chunk that no backup names. No backup may be made meanwhile:
 * its chunks are named by nothing yet.
 */
export async function pruneBackups(store: ArchiveStore, rule: KeepRule): Promise<PruneResult> {
  const backups = await store.listBackups();
  requireReadable(backups);
  const manifests = backups.flatMap(({ manifest }) => manifest ?? []);
  const kept = keptBackups(
    manifests.map(({ id, consistent_at }) => ({ id, time: new Date(consistent_at) })),
    rule,
  );
  const deletedBackups = manifests.flatMap(({ id }) => (kept.has(id) ? [] : [id]));
  for (const id of deletedBackups) await store.deleteManifest(id);
  const staying = manifests.filter(({ id }) => kept.has(id));
  let deletedChunks = 0;
  let freedBytes = 0;
  for (const keyId of await store.listKeyIds()) {
    const named = new Set(
      staying
        .filter(({ key }) => key.id === keyId)
        .flatMap(({ chunks }) => chunks.map(([name]) => name)),
    );
    const orphans = [...(await store.listChunks(keyId))].filter(([name]) => !named.has(name));
    for (let at = 0; at < orphans.length; at += DELETE_BATCH) {
      const batch = orphans.slice(at, at + DELETE_BATCH);
      await store.deleteChunks(
        keyId,
        batch.map(([name]) => name),
      );
      freedBytes += batch.reduce((sum, [, size]) => sum + size, 0);
    }
    deletedChunks += orphans.length;
  }
  return { kept: [...kept].sort(), deletedBackups, deletedChunks, freedBytes };
}

// What a damaged manifest names is not known, so nothing may be taken for an orphan beside it.
function requireReadable(backups: readonly ListedBackup[]): void {
  const damaged = backups.find(({ manifest }) => manifest === undefined);
  if (damaged !== undefined)
    throw refused(
      `nothing is pruned beside a backup that cannot be read (${damaged.id}: ${damaged.reason ?? 'damaged'}); delete its manifest if it is lost`,
    );
}
