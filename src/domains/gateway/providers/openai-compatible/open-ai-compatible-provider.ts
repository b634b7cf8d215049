import type { Dispatcher } from 'undici';
import type { OutboundGuard } from '../../../../lib/outbound-guard/index.ts';
import type { Clock } from '../../../../ports/clock.ts';
import type { Endpoint, UpstreamEndpoint } from '../../../models/index.ts';
import { isJsonObject } from '../../field-checks.ts';
import { failureOfErrorEvent } from '../../in-band-error.ts';
import type {
  JsonAnswer,
  Provider,
  StreamAnswer,
  UpstreamRequest,
  UpstreamTimeouts,
} from '../../provider.ts';
import { bytesWithModel } from '../../request-body.ts';
import { garbage } from '../../upstream-failure.ts';
import { failureOfError, failureOfStatus } from './map-failure.ts';
import type { UpstreamCall, UpstreamHead } from './upstream-call.ts';
import type { UpstreamPool } from './upstream-pool.ts';
import { UpstreamPools } from './upstream-pools.ts';

/** Where a request goes, and the headers that say who asks. */
export interface UpstreamTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface UpstreamPlace {
  readonly pool: UpstreamPool;
  readonly path: string;
  readonly isUserSet: boolean;
}

type SentCall = UpstreamHead & { readonly call: UpstreamCall };

export interface OpenAiCompatibleOptions {
  readonly timeouts: UpstreamTimeouts;
  readonly clock: Clock;
  /** For endpoints that users set. */
  readonly guard: OutboundGuard;
  /** For APIs that differ from OpenAI's in address and credential only. */
  readonly target?: (request: UpstreamRequest, endpoint: UpstreamEndpoint) => UpstreamTarget;
}

/** OpenAI's paths, below the version segment. */
export const OPENAI_PATHS: Readonly<Record<Endpoint, string>> = {
  'chat.completions': '/chat/completions',
  completions: '/completions',
  embeddings: '/embeddings',
  messages: '/messages',
  rerank: '/rerank',
  moderations: '/moderations',
  'images.generations': '/images/generations',
  'images.edits': '/images/edits',
  'audio.speech': '/audio/speech',
  'audio.transcriptions': '/audio/transcriptions',
  'audio.translations': '/audio/translations',
};
const FAILED_BODY_BYTES_MAX = 64 * 1024;
const PLACES_MAX = 1_000;

/** Any API that speaks OpenAI's dialect, as bytes through one pool for each origin. */
export class OpenAiCompatibleProvider implements Provider {
  readonly #timeouts: UpstreamTimeouts;
  readonly #clock: Clock;
  readonly #target: NonNullable<OpenAiCompatibleOptions['target']>;
  readonly #failureOfError = (error: Error) => failureOfError(error, this.#timeouts);
  readonly #pools: UpstreamPools;
  readonly #places = new Map<string, UpstreamPlace>();

  constructor(options: OpenAiCompatibleOptions) {
    this.#timeouts = options.timeouts;
    this.#clock = options.clock;
    this.#target = options.target ?? openAiTarget;
    this.#pools = new UpstreamPools(options.timeouts, options.guard);
  }

  async complete(request: UpstreamRequest): Promise<JsonAnswer> {
    return this.#guarded(request.signal, async () => {
      const { headers: given, call } = await this.#send(
        request,
        'application/json',
        this.#timeouts.firstByteMs,
      );
      const bytes = await call.bytes();
      const json = parsed(bytes);
      const headers = { ...passedHeaders(given), 'content-type': 'application/json' };
      return { headers, body: bytes, json };
    });
  }

  async stream(request: UpstreamRequest): Promise<StreamAnswer> {
    const { firstTokenMs } = this.#timeouts;
    return this.#guarded(request.signal, async () => {
      // The time until the first event is the caller's own timer; this one only must not come before it.
      const sent = await this.#send(request, 'text/event-stream', firstTokenMs + 1_000);
      const { headers, call } = sent;
      return {
        headers: passedHeaders(headers),
        chunks: call,
        release: (complete: boolean) => call.release(complete),
      };
    });
  }

  async relay(request: UpstreamRequest): Promise<StreamAnswer> {
    return this.#guarded(request.signal, async () => {
      const { headers, call } = await this.#send(request, '*/*', this.#timeouts.firstByteMs);
      return {
        headers: { ...passedHeaders(headers), ...contentHeaders(headers) },
        chunks: call,
        release: (complete: boolean) => call.release(complete),
      };
    });
  }

  async close(): Promise<void> {
    await this.#pools.close();
  }

  async #send(request: UpstreamRequest, accept: string, headersTimeout: number): Promise<SentCall> {
    const { endpoint } = request.deployment;
    if (endpoint === undefined) throw new Error('the deployment has no endpoint');
    const target = this.#target(request, endpoint);
    const { pool, path } = this.#place(target.url, endpoint.isUserSet === true);
    const options: Dispatcher.DispatchOptions = {
      method: 'POST',
      path,
      headers: requestHeaders(request, accept, target.headers),
      body: bytesWithModel(request, request.deployment.upstreamModel),
      headersTimeout,
    };
    const sent = await pool.send(options, {
      signal: request.signal,
      failureOf: this.#failureOfError,
    });
    if (sent.status !== 200) throw await this.#failureOf(sent);
    return sent;
  }

  async #failureOf({ status, headers, call }: SentCall) {
    return failureOfStatus(
      {
        status,
        headers: singleHeaders(headers),
        body: await startOf(call),
        nowMs: this.#clock.now().getTime(),
      },
      passedHeaders(headers),
    );
  }

  /** The addresses of the deployments that are in use; parsing one costs as much as a look at its answer. */
  #place(url: string, isUserSet: boolean): UpstreamPlace {
    const known = this.#places.get(url);
    if (known?.isUserSet === isUserSet) return known;
    const { origin, pathname, search } = new URL(url);
    const pool = this.#pools.of(origin, isUserSet);
    const place = { pool, path: pathname + search, isUserSet };
    if (this.#places.size === PLACES_MAX) this.#places.clear();
    this.#places.set(url, place);
    return place;
  }

  /** Errors become failures; the reason of an abort goes before whatever the abort made fail. */
  async #guarded<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw signal.aborted ? signal.reason : failureOfError(error, this.#timeouts);
    }
  }
}

function openAiTarget(request: UpstreamRequest, { baseUrl, apiKey }: UpstreamEndpoint) {
  const url = baseUrl + OPENAI_PATHS[request.endpoint];
  const headers: Record<string, string> =
    apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  return { url, headers };
}

function requestHeaders(
  request: UpstreamRequest,
  accept: string,
  credential: Readonly<Record<string, string>>,
) {
  return {
    accept,
    // Compressed answers could not be passed on as bytes and scanned as bytes.
    'accept-encoding': 'identity',
    'content-type': request.contentType ?? 'application/json',
    'x-request-id': request.requestId,
    'user-agent': 'llamp',
    ...credential,
  };
}

function parsed(bytes: Buffer) {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw garbage('The upstream answered with something that is no JSON.', cause);
  }
  if (!isJsonObject(json)) throw garbage('The upstream answered with JSON that is no object.');
  // An error with status 200 is seen in the wild; a client would take it for an answer.
  if (isJsonObject(json['error']) && json['choices'] === undefined && json['data'] === undefined)
    throw failureOfErrorEvent(json['error']);
  return json;
}

/** Headers that clients of these APIs read. */
function passedHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (typeof value !== 'string') continue;
    if (isPassed(name)) passed[name] = value;
  }
  return passed;
}

const CONTENT_HEADERS = [
  'content-type',
  'content-length',
  'content-encoding',
  'content-disposition',
];

/** What the bytes of an answer are. */
function contentHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const single = singleHeaders(headers);
  const given = CONTENT_HEADERS.flatMap((name) => {
    const value = single[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given);
}

const isPassed = (name: string) =>
  name.startsWith('x-ratelimit-') ||
  name.startsWith('openai-') ||
  name.startsWith('anthropic-ratelimit-');

function singleHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const single: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') single[name] = value;
  }
  return single;
}

/** Enough of a failed answer to read its error; the rest is not worth waiting for. */
async function startOf(call: UpstreamCall): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  while (sizeBytes <= FAILED_BODY_BYTES_MAX) {
    const { value, done } = await call.next();
    if (done === true) break;
    chunks.push(value);
    sizeBytes += value.length;
  }
  call.release(false);
  return Buffer.concat(chunks).toString('utf8');
}
