import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports/clock.ts';

/** The order in which an instance stops. Readiness is off before the first one begins. */
export const DRAIN_PHASES = [
  'stop-accepting',
  'finish-requests',
  'stop-jobs',
  'flush-usage',
  'close-stores',
] as const;
export type DrainPhaseName = (typeof DRAIN_PHASES)[number];

export interface DrainPhase {
  readonly timeoutMs: number;
  /** `signal` aborts when the time of the phase is over; the next phase begins whether it listens or not. */
  run(signal: AbortSignal): Promise<void>;
}

export interface DrainReport {
  readonly phase: DrainPhaseName;
  readonly outcome: 'done' | 'timed_out' | 'failed';
  readonly durationMs: number;
}

export interface Drain {
  /** True from the moment that stopping was asked for. */
  readonly isDraining: boolean;
  /** Runs the phases once; a second call gets the same promise. Never rejects. */
  drain(): Promise<readonly DrainReport[]>;
}

/** A phase that fails or takes too long never keeps the later ones from running: the stores are always closed. */
export function createDrain(options: {
  phases: Readonly<Record<DrainPhaseName, DrainPhase>>;
  clock: Clock;
  log: Log;
}): Drain {
  let running: Promise<readonly DrainReport[]> | undefined;
  const runAll = async (): Promise<readonly DrainReport[]> => {
    const reports: DrainReport[] = [];
    for (const name of DRAIN_PHASES) {
      const report = await runPhase(name, options.phases[name], options);
      options.log.info({ ...report }, 'drain phase ended');
      reports.push(report);
    }
    return reports;
  };
  return {
    get isDraining() {
      return running !== undefined;
    },
    drain: () => {
      running ??= runAll();
      return running;
    },
  };
}

async function runPhase(
  phase: DrainPhaseName,
  { timeoutMs, run }: DrainPhase,
  { clock, log }: { clock: Clock; log: Log },
): Promise<DrainReport> {
  const startedMs = clock.monotonicMs();
  const stopTimer = new AbortController();
  const expiry = new AbortController();
  const timeout = clock.sleep(timeoutMs, stopTimer.signal).then(
    () => {
      expiry.abort(new Error(`drain phase ${phase} took longer than ${timeoutMs} ms`));
      return 'timed_out' as const;
    },
    () => 'timed_out' as const,
  );
  const work = Promise.resolve()
    .then(() => run(expiry.signal))
    .then(
      () => 'done' as const,
      (error: unknown) => {
        log.error({ phase, error }, 'a drain phase failed');
        return 'failed' as const;
      },
    );
  const outcome = await Promise.race([work, timeout]);
  stopTimer.abort();
  return { phase, outcome, durationMs: Math.round(clock.monotonicMs() - startedMs) };
}

export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
}

/**
 * The first SIGTERM or SIGINT drains and then exits with 0, or 1 when a phase did not end well. The second one exits
 * with 1 at once. Returns the function that stops listening.
 */
export function drainOnSignals(options: {
  signals: SignalSource;
  drain: Drain;
  log: Log;
  exit: (code: number) => void;
}): () => void {
  const { signals, drain, log, exit } = options;
  const onSignal = () => {
    if (drain.isDraining) {
      log.warn({}, 'second signal: stopping at once');
      exit(1);
      return;
    }
    log.info({}, 'stopping: running requests may end first');
    drain.drain().then((reports) => exit(reports.every((one) => one.outcome === 'done') ? 0 : 1));
  };
  signals.on('SIGTERM', onSignal);
  signals.on('SIGINT', onSignal);
  return () => {
    signals.off('SIGTERM', onSignal);
    signals.off('SIGINT', onSignal);
  };
}
