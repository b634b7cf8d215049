import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/adapters/clock/system.ts';
import {
  DEFAULT_TIMEOUTS,
  type Provider,
  type StreamAnswer,
  type UpstreamRequest,
} from '../../src/domains/gateway/provider.ts';
import { UpstreamPools } from '../../src/domains/gateway/providers/openai-compatible/upstream-pools.ts';
import { OutboundGuard } from '../../src/lib/outbound-guard/index.ts';
import type { Deployment } from '../../src/domains/models/index.ts';

/** What the providers of vendors are built from. */
export function providerServices() {
  const timeouts = DEFAULT_TIMEOUTS;
  const guard = new OutboundGuard({ allow: [] });
  return { timeouts, clock: systemClock, guard, pools: new UpstreamPools(timeouts, guard) };
}

export function deploymentOf(
  provider: Deployment['provider'],
  upstreamModel: string,
  endpoint: NonNullable<Deployment['endpoint']>,
): Deployment {
  const id = `${provider}-1`;
  const serves = new Set(['chat.completions', 'embeddings', 'messages'] as const);
  return {
    id,
    name: id,
    provider,
    credentialId: id,
    upstreamModel,
    endpoint,
    serves,
    weight: 1,
    tier: 0,
  };
}

export function callOf(
  deployment: Deployment,
  json: Record<string, unknown>,
  options: Partial<UpstreamRequest> = {},
): UpstreamRequest {
  return {
    deployment,
    endpoint: 'chat.completions',
    bytes: Buffer.from(JSON.stringify(json)),
    json,
    usageAsked: false,
    requestId: 'req_1',
    signal: new AbortController().signal,
    ...options,
  };
}

export interface StreamEvent {
  readonly [key: string]: unknown;
  readonly choices?: readonly { delta: unknown; finish_reason: string | null }[];
  readonly usage?: unknown;
}

/** Reads a stream to its end or its failure. */
export async function readStream(provider: Provider, request: UpstreamRequest) {
  const answer = await provider.stream(request);
  const { bytes, failure } = await readBytes(answer);
  answer.release(failure === undefined);
  const events = bytes
    .split('\n\n')
    .filter((frame) => frame !== '')
    .map((frame) => frame.replace(/^data: /, ''));
  const done = events.at(-1) === '[DONE]';
  const parsed = (done ? events.slice(0, -1) : events).map((json): StreamEvent => JSON.parse(json));
  const choices = parsed.flatMap((event) => event.choices ?? []);
  return {
    headers: answer.headers,
    events: parsed,
    done,
    failure,
    /** Deltas in their order, without the one that names the role. */
    deltas: choices.slice(1).map((choice) => choice.delta),
    finish: choices.at(-1)?.finish_reason,
    usage: parsed.at(-1)?.usage,
  };
}

export async function readBytes({ chunks }: StreamAnswer) {
  let bytes = '';
  try {
    for (let read = await chunks.next(); read.done !== true; read = await chunks.next())
      bytes += read.value.toString('utf8');
  } catch (failure) {
    return { bytes, failure };
  }
  return { bytes, failure: undefined };
}

/** Reads as the gateway does: up to `[DONE]` and not a byte further. */
export async function readToDone(provider: Provider, request: UpstreamRequest): Promise<void> {
  const answer = await provider.stream(request);
  let read = await answer.chunks.next();
  while (read.done !== true && !read.value.toString().endsWith('[DONE]\n\n'))
    read = await answer.chunks.next();
  answer.release(read.done !== true);
}

/** What a stream fails with, before or behind its head. */
export async function streamFailure(provider: Provider, request: UpstreamRequest) {
  try {
    const answer = await provider.stream(request);
    const { failure } = await readBytes(answer);
    answer.release(failure === undefined);
    return failure;
  } catch (failure) {
    return failure;
  }
}

const TICK_MS = 5;
const LIMIT_MS = 100;

/**
 * True when `condition` holds within 100 ms. Counted in turns of this process's own timers: time that other processes
 * had the processor is no delay of ours.
 */
export async function soon(condition: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < LIMIT_MS / TICK_MS && !condition(); turn += 1) await delay(TICK_MS);
  return condition();
}
