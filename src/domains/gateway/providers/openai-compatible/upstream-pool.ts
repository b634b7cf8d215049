import { type Dispatcher, Pool } from 'undici';
import type { ConnectOptions } from '../../../../lib/outbound-guard/index.ts';
import type { UpstreamTimeouts } from '../../provider.ts';
import { failure } from '../../upstream-failure.ts';
import { UpstreamCall, type UpstreamCallOptions } from './upstream-call.ts';

// Sockets to one origin, and calls that may wait for one. Streams hold theirs for minutes.
const CONNECTIONS_MAX = 1_024;
const WAITING_MAX = 1_024;
// Last guard against an upstream that never stops sending.
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/** The sockets to one origin. A slow origin fills its own pool and nobody else's. */
export class UpstreamPool {
  readonly #pool: Pool;
  #open = 0;

  /** `connect` checks where its connections lead. */
  constructor(origin: string, timeouts: UpstreamTimeouts, connect?: ConnectOptions) {
    this.#pool = new Pool(origin, {
      connections: CONNECTIONS_MAX,
      connect: { timeout: timeouts.connectMs, ...connect },
      headersTimeout: timeouts.firstByteMs,
      bodyTimeout: timeouts.betweenFramesMs,
      maxResponseSize: ANSWER_BYTES_MAX,
      // One socket for each call: closing it is how an upstream learns that nobody waits any more.
      pipelining: 1,
      allowH2: false,
    });
  }

  /** Calls that hold a socket or wait for one. */
  get open(): number {
    return this.#open;
  }

  /** Sends a request whose answer is read as it comes. Resolves with its head; the caller reads or releases the rest. */
  async send(options: Dispatcher.DispatchOptions, reader: Omit<UpstreamCallOptions, 'onClose'>) {
    this.#admit();
    const onClose = () => {
      this.#open -= 1;
    };
    const call = new UpstreamCall({ ...reader, onClose });
    const head = await call.start((handler) => this.#pool.dispatch(options, handler));
    return { ...head, call };
  }

  async request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    this.#admit();
    try {
      const response = await this.#pool.request(options);
      response.body.once('close', () => {
        this.#open -= 1;
      });
      return response;
    } catch (error) {
      this.#open -= 1;
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  #admit(): void {
    if (this.#open >= CONNECTIONS_MAX + WAITING_MAX) {
      throw failure('overloaded', 'upstream_overloaded', {
        message: 'Too many calls to this upstream wait already.',
        retryAfterMs: 1_000,
      });
    }
    this.#open += 1;
  }
}
