import type { Dispatcher } from 'undici';
import type { OutboundGuard } from '../../../../lib/outbound-guard/index.ts';
import type { Clock } from '../../../../ports/clock.ts';
import { AttemptScope } from '../../attempt-scope.ts';
import type { UpstreamRequest, UpstreamTimeouts } from '../../provider.ts';
import { type BodyReader, bodyReader } from '../openai-compatible/body-reader.ts';
import {
  type FailedAnswer,
  failureOfError,
  failureOfStatus,
} from '../openai-compatible/map-failure.ts';
import { failureOfSdkError } from './map-sdk-error.ts';
import type { SdkFetch, SdkVendor } from './sdk-vendor.ts';
import type { UpstreamPools } from '../openai-compatible/upstream-pools.ts';

export interface ExchangeServices {
  readonly pools: UpstreamPools;
  readonly guard: OutboundGuard;
  readonly timeouts: UpstreamTimeouts;
  readonly clock: Clock;
}

const FAILED_BODY_BYTES_MAX = 64 * 1024;
/** Statuses whose `Response` must have no body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * The network under one call of an SDK: our pools, our time-outs, our signal. It keeps the first failure, since an SDK
 * wraps what it meets, and the body, so that the socket can be closed without asking the SDK.
 */
export class SdkExchange {
  readonly #services: ExchangeServices;
  readonly #request: UpstreamRequest;
  readonly #vendor: SdkVendor;
  readonly #headersTimeoutMs: number;
  /** Ends every hop of the call with the call, or before it when one of them fails. */
  readonly #scope: AttemptScope;
  readonly #readers = new Set<BodyReader>();
  #failure: unknown;

  constructor(
    services: ExchangeServices,
    call: { request: UpstreamRequest; vendor: SdkVendor; headersTimeoutMs: number },
  ) {
    this.#services = services;
    this.#request = call.request;
    this.#vendor = call.vendor;
    this.#headersTimeoutMs = call.headersTimeoutMs;
    this.#scope = new AttemptScope(call.request.signal);
  }

  /** For the `fetch` option of an SDK. */
  readonly send: SdkFetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const response = await this.#noting(() => this.#sent(url, init));
    const body = BODILESS.has(response.statusCode) ? null : this.#bodyOf(response);
    const headers = headersOf(response);
    return new Response(body, { status: response.statusCode, headers });
  };

  /** Runs a part of the call; whatever fails in it fails as the client is told about it. */
  async guard<T>(work: () => PromiseLike<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.release(false);
      const { signal, endpoint } = this.#request;
      if (signal.aborted) throw signal.reason;
      const param = endpoint === 'embeddings' ? 'dimensions' : 'messages';
      throw this.#failure ?? failureOfSdkError(error, param);
    }
  }

  /** Lets the rest of a body run out, or closes every socket of the call. */
  release(complete: boolean): void {
    for (const reader of this.#readers) reader.release(complete);
    this.#readers.clear();
    if (!complete) this.#scope.abort(new Error('the call is over'));
    this.#scope.release();
  }

  /** The whole call goes where its deployment is, so whoever set that set the address of each hop. */
  #poolOf({ origin }: URL) {
    const { endpoint } = this.#request.deployment;
    return this.#services.pools.of(origin, endpoint?.isUserSet === true);
  }

  async #sent(url: URL, init: RequestInit | undefined): Promise<Dispatcher.ResponseData> {
    const response = await this.#poolOf(url).request({
      method: 'POST',
      path: url.pathname + url.search,
      headers: Object.fromEntries(new Headers(init?.headers)),
      body: typeof init?.body === 'string' ? init.body : null,
      signal: this.#scope.signal,
      headersTimeout: this.#headersTimeoutMs,
    });
    if (response.statusCode >= 200 && response.statusCode < 300) return response;
    throw failureOfStatus(this.#vendor.readFailure(await this.#failedAnswer(response)), {});
  }

  /** Web streams only because SDKs read nothing else. */
  #bodyOf(response: Dispatcher.ResponseData): ReadableStream<Uint8Array> {
    const reader = bodyReader(response.body);
    this.#readers.add(reader);
    // An abort between two reads has nobody else to tell.
    response.body.on('error', () => undefined);
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const { value, done } = await this.#noting(() => reader.next());
        if (done !== true) return controller.enqueue(value);
        this.#readers.delete(reader);
        controller.close();
      },
      cancel: () => reader.release(false),
    });
  }

  async #noting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#failure ??= failureOfError(error, this.#services.timeouts);
      throw this.#failure;
    }
  }

  async #failedAnswer(response: Dispatcher.ResponseData): Promise<FailedAnswer> {
    return {
      status: response.statusCode,
      headers: Object.fromEntries(headersOf(response)),
      body: await startOf(response.body),
      nowMs: this.#services.clock.now().getTime(),
    };
  }
}

function headersOf(response: Dispatcher.ResponseData): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(response.headers)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  return headers;
}

async function startOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > FAILED_BODY_BYTES_MAX) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
