import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { fastify } from 'fastify';
import { describe, expect, test, vi } from 'vitest';
import { silentLog } from '../lib/log.ts';
import type { Clock } from '../ports/clock.ts';
import { trackConnections } from './connection-drain.ts';
import { createDrain, DRAIN_PHASES, type DrainPhase, drainOnSignals } from './drain.ts';

/** Time stands still until `pass` is called. */
function manualClock(): { clock: Clock; pass: (ms: number) => void } {
  let nowMs = 0;
  const sleepers = new Set<{ untilMs: number; wake: () => void }>();
  const clock: Clock = {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    newId: (prefix) => `${prefix}1`,
    sleep: (delayMs, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { untilMs: nowMs + delayMs, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        });
      }),
  };
  return {
    clock,
    pass: (ms) => {
      nowMs += ms;
      for (const sleeper of sleepers) if (sleeper.untilMs <= nowMs) sleeper.wake();
    },
  };
}

type Phases = Record<(typeof DRAIN_PHASES)[number], DrainPhase>;

function phases(order: string[], changes: Partial<Phases> = {}): Phases {
  const entries = DRAIN_PHASES.map((name) => [
    name,
    { timeoutMs: 100, run: async () => void order.push(name) },
  ]);
  return { ...(Object.fromEntries(entries) as Phases), ...changes };
}

describe('phases', () => {
  test('run in order, after readiness is off', async () => {
    const order: string[] = [];
    const { clock } = manualClock();
    const drain = createDrain({
      clock,
      log: silentLog,
      phases: phases(order, {
        'stop-accepting': {
          timeoutMs: 100,
          run: async () => void order.push(`draining ${drain.isDraining}`),
        },
      }),
    });
    expect(drain.isDraining).toBe(false);
    const reports = await drain.drain();
    expect(order).toEqual(['draining true', ...DRAIN_PHASES.slice(1)]);
    expect(reports.map((report) => report.outcome)).toEqual(DRAIN_PHASES.map(() => 'done'));
  });

  test('one that takes too long is told so, and the next one begins', async () => {
    const order: string[] = [];
    const { clock, pass } = manualClock();
    let signal: AbortSignal | undefined;
    const drain = createDrain({
      clock,
      log: silentLog,
      phases: phases(order, {
        'finish-requests': {
          timeoutMs: 30_000,
          run: (given) => {
            signal = given;
            return new Promise(() => undefined);
          },
        },
      }),
    });
    const ended = drain.drain();
    await vi.waitFor(() => expect(signal).toBeDefined());
    expect(order).toEqual(['stop-accepting']);
    pass(29_999);
    expect(signal?.aborted).toBe(false);
    pass(1);
    const reports = await ended;
    expect(signal?.aborted).toBe(true);
    expect(reports[1]).toEqual({
      phase: 'finish-requests',
      outcome: 'timed_out',
      durationMs: 30_000,
    });
    expect(order).toEqual(['stop-accepting', 'stop-jobs', 'flush-usage', 'close-stores']);
  });

  test('one that fails does not keep the stores open', async () => {
    const order: string[] = [];
    const failing = {
      timeoutMs: 100,
      run: () => {
        throw new Error('no');
      },
    };
    const drain = createDrain({
      clock: manualClock().clock,
      log: silentLog,
      phases: phases(order, { 'flush-usage': failing }),
    });
    const reports = await drain.drain();
    expect(reports[3]?.outcome).toBe('failed');
    expect(order.at(-1)).toBe('close-stores');
  });

  test('run once, however often it is asked for', async () => {
    const order: string[] = [];
    const { clock } = manualClock();
    const drain = createDrain({ clock, log: silentLog, phases: phases(order) });
    await Promise.all([drain.drain(), drain.drain()]);
    expect(order).toHaveLength(DRAIN_PHASES.length);
  });
});

describe('signals', () => {
  function listening(changes: Partial<Phases> = {}) {
    const signals = new EventEmitter();
    const codes: number[] = [];
    const { clock } = manualClock();
    const drain = createDrain({ clock, log: silentLog, phases: phases([], changes) });
    const exit = (code: number) => void codes.push(code);
    const stop = drainOnSignals({ signals, drain, log: silentLog, exit });
    return { signals, codes, stop };
  }

  test('the first one drains and exits with 0', async () => {
    const { signals, codes } = listening();
    signals.emit('SIGTERM');
    await vi.waitFor(() => expect(codes).toEqual([0]));
  });

  test('the second one ends at once', () => {
    const hanging = { timeoutMs: 100, run: () => new Promise<void>(() => undefined) };
    const { signals, codes } = listening({ 'finish-requests': hanging });
    signals.emit('SIGTERM');
    expect(codes).toEqual([]);
    signals.emit('SIGINT');
    expect(codes).toEqual([1]);
  });

  test('a phase that failed shows in the exit code', async () => {
    const { signals, codes } = listening({
      'stop-jobs': { timeoutMs: 1, run: () => Promise.reject(new Error('no')) },
    });
    signals.emit('SIGTERM');
    await vi.waitFor(() => expect(codes).toEqual([1]));
  });

  test('are left alone afterwards', () => {
    const { signals, stop } = listening();
    stop();
    expect(signals.listenerCount('SIGTERM')).toBe(0);
  });
});

describe('connections', () => {
  async function serving() {
    const app = fastify({ forceCloseConnections: true, return503OnClosing: false });
    const connections = trackConnections(app);
    const gate = Promise.withResolvers<string>();
    app.get('/slow', async () => gate.promise);
    app.get('/', async () => 'fast');
    await app.listen({ host: '127.0.0.1', port: 0 });
    const address = app.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return { app, connections, gate, port };
  }
  const request = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

  test('running requests end, idle ones are still answered, new ones are refused', async () => {
    const { app, connections, gate, port } = await serving();
    const slow = connect(port, '127.0.0.1');
    const idle = connect(port, '127.0.0.1');
    let slowText = '';
    let idleText = '';
    slow.on('data', (chunk) => {
      slowText += chunk;
    });
    idle.on('data', (chunk) => {
      idleText += chunk;
    });
    idle.write(request('/'));
    slow.write(request('/slow'));
    await vi.waitFor(() => expect([connections.running, idleText.length > 0]).toEqual([1, true]));

    connections.stopAccepting();
    const refused = connect(port, '127.0.0.1');
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');

    idle.write(request('/'));
    await vi.waitFor(() => expect(idleText.match(/200 OK/g)).toHaveLength(2));
    expect(idleText).toContain('connection: close');

    const finished = connections.finishRequests(new AbortController().signal);
    gate.resolve('done');
    await finished;
    await vi.waitFor(() => expect(slowText).toContain('200 OK'));
    await app.close();
  });

  test('pipelined requests of a connection that breaks run no longer', async () => {
    const { app, connections, port } = await serving();
    const client = connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    client.write(request('/slow').repeat(3));
    await vi.waitFor(() => expect(connections.running).toBe(3));
    client.destroy();
    await vi.waitFor(() => expect(connections.running).toBe(0));
    await connections.finishRequests(new AbortController().signal);
    await app.close();
  });

  test('what does not end in time is cut', async () => {
    const { app, connections, port } = await serving();
    const slow = connect(port, '127.0.0.1');
    const closed = once(slow, 'close');
    slow.on('error', () => undefined);
    slow.write(request('/slow'));
    await vi.waitFor(() => expect(connections.running).toBe(1));
    connections.stopAccepting();
    const limit = new AbortController();
    const finished = connections.finishRequests(limit.signal);
    limit.abort();
    await finished;
    await closed;
    await app.close();
  });
});
