import { readdir, statfs } from 'node:fs/promises';
import {
  constants,
  monitorEventLoopDelay,
  type NodeGCPerformanceDetail,
  performance,
  type PerformanceEntry,
  PerformanceObserver,
} from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Config } from './config/config.ts';
import { collectTogether } from './lib/collect-together.ts';
import type { Metrics } from './lib/metrics.ts';

const MS_PER_SECOND = 1_000;
const NS_PER_SECOND = 1e9;
const US_PER_SECOND = 1e6;
const RESOLUTION_MS = 20;
const GC_KINDS: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);
const monotonicMs = () => performance.now();

/** This process as the system and the engine see it. Returns how to stop. */
export function observeRuntime(
  metrics: Metrics,
  { version, config, isDraining }: { version: string; config: Config; isDraining: () => boolean },
): () => void {
  const shape = config.database === undefined ? 'embedded' : 'distributed';
  metrics.buildInfo.set({ version, node: process.version, shape }, 1);
  metrics.startTime.set(performance.timeOrigin / MS_PER_SECOND);
  metrics.databasePoolMax.set(config.database?.poolMax ?? 1);
  collectTogether([metrics.draining], () => metrics.draining.set(isDraining() ? 1 : 0), {
    monotonicMs,
  });
  observeMemory(metrics);
  observeFiles(metrics, config.dataDirectory);
  const stops = [observeLoop(metrics), observeCollections(metrics)];
  return () => {
    for (const stop of stops) stop();
  };
}

function observeMemory(metrics: Metrics): void {
  const { residentBytes, heapUsed, heapLimit } = metrics;
  let counted = 0;
  const read = () => {
    const { rss, heapUsed: used } = process.memoryUsage();
    residentBytes.set(rss);
    heapUsed.set(used);
    heapLimit.set(getHeapStatistics().heap_size_limit);
    const { user, system } = process.cpuUsage();
    const seconds = (user + system) / US_PER_SECOND;
    metrics.cpuSeconds.inc(seconds - counted);
    counted = seconds;
  };
  collectTogether([residentBytes, heapUsed, heapLimit], read, { monotonicMs });
}

function observeFiles(metrics: Metrics, directory: string): void {
  collectTogether(
    [metrics.openFiles],
    // Reading the folder opens one more.
    async () => metrics.openFiles.set((await readdir('/proc/self/fd')).length - 1),
    { monotonicMs },
  );
  const readDisk = async () => {
    const { bavail, blocks } = await statfs(directory);
    metrics.diskFreeRatio.set(bavail / blocks);
  };
  collectTogether([metrics.diskFreeRatio], readDisk, { monotonicMs });
}

function observeLoop({ loopLag, loopUtilization }: Metrics): () => void {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  // The histogram holds the time between two of its timers, the pause itself included.
  const lagOf = (ns: number) => Math.max(0, ns / NS_PER_SECOND - RESOLUTION_MS / MS_PER_SECOND);
  let before = performance.eventLoopUtilization();
  const read = () => {
    loopLag.set({ at: 'p50' }, lagOf(delays.percentile(50)));
    loopLag.set({ at: 'p99' }, lagOf(delays.percentile(99)));
    loopLag.set({ at: 'max' }, lagOf(delays.max));
    delays.reset();
    loopUtilization.set(performance.eventLoopUtilization(before).utilization);
    before = performance.eventLoopUtilization();
  };
  collectTogether([loopLag, loopUtilization], read, { monotonicMs });
  return () => void delays.disable();
}

function observeCollections({ gcSeconds }: Metrics): () => void {
  for (const kind of GC_KINDS.values()) gcSeconds.inc({ kind }, 0);
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail } = entry as PerformanceEntry & { readonly detail?: NodeGCPerformanceDetail };
      const kind = GC_KINDS.get(detail?.kind ?? 0) ?? 'other';
      gcSeconds.inc({ kind }, entry.duration / MS_PER_SECOND);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}
