import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ScriptedProvider,
  startScriptedProvider,
} from '../../../../../test/support/scripted-provider.ts';
import { DEFAULT_TIMEOUTS } from '../../provider.ts';
import { failureOfError, failureOfStatus } from './map-failure.ts';
import { retryAfterMs } from './retry-after.ts';
import { UpstreamPool } from './upstream-pool.ts';

describe('retryAfterMs', () => {
  const nowMs = Date.parse('2026-11-24T10:00:00Z');
  it.each([
    [{}, undefined],
    [{ 'retry-after': '3' }, 3000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after-ms': '120', 'retry-after': '3' }, 120],
    [{ 'retry-after': 'Tue, 24 Nov 2026 10:00:07 GMT' }, 7000],
    [{ 'retry-after': 'Tue, 24 Nov 2026 09:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-1' }, undefined],
  ])('%j -> %s', (headers, expected) => {
    expect(retryAfterMs(headers as Record<string, string>, nowMs)).toBe(expected);
  });
});

describe('failureOfStatus', () => {
  const of = (status: number, body: string, headers: Record<string, string> = {}) =>
    failureOfStatus({ status, body, headers, nowMs: 0 }, {});

  it('passes on the words of the upstream', () => {
    const body = JSON.stringify({
      error: { message: 'too long', type: 't', param: 'messages', code: 'context_length_exceeded' },
    });
    expect(of(400, body)).toMatchObject({
      status: 400,
      message: 'too long',
      type: 't',
      param: 'messages',
      code: 'context_length_exceeded',
      retryable: false,
    });
  });

  it.each([
    ['{"detail":"odd"}', 'odd'],
    ['{"error":"plain"}', 'plain'],
    ['{"message":"short"}', 'short'],
    ['<html>', 'The upstream answered with status 422.'],
    ['[]', 'The upstream answered with status 422.'],
  ])('finds the message in %s', (body, message) => {
    expect(of(422, body)).toMatchObject({ status: 422, message, code: 'upstream_rejected' });
  });

  it('tells a spent quota from a rate', () => {
    const quota = '{"error":{"message":"m","code":"insufficient_quota"}}';
    expect(of(429, quota, { 'retry-after': '0' }).retryable).toBe(false);
    expect(of(429, '{}', { 'retry-after': '0' })).toMatchObject({
      retryable: true,
      retryAfterMs: 0,
    });
    expect(of(429, '{}')).toMatchObject({ retryable: false, retryAfterMs: 1000 });
  });

  it.each([
    [302, 502, 'upstream_error'],
    [402, 502, 'upstream_authentication_failed'],
    [408, 504, 'upstream_timeout'],
    [500, 502, 'upstream_error'],
    [504, 504, 'upstream_timeout'],
    [529, 503, 'upstream_unavailable'],
  ])('%i becomes %i %s', (status, ours, code) => {
    expect(of(status, '')).toMatchObject({ status: ours, code });
  });
});

describe('failureOfError', () => {
  it.each([
    ['ECONNREFUSED', 503, true],
    ['ENOTFOUND', 503, true],
    ['UND_ERR_CONNECT_TIMEOUT', 504, true],
    ['UND_ERR_HEADERS_TIMEOUT', 504, false],
    ['UND_ERR_BODY_TIMEOUT', 504, false],
    ['ECONNRESET', 502, true],
    ['HPE_INVALID_CONSTANT', 502, true],
  ])('%s becomes %i', (code, status, retryable) => {
    const error = Object.assign(new Error('m'), { code });
    expect(failureOfError(error, DEFAULT_TIMEOUTS)).toMatchObject({ status, retryable });
    const several = new AggregateError([error], 'all addresses failed');
    expect(failureOfError(several, DEFAULT_TIMEOUTS)).toMatchObject({ status });
  });
});

describe('UpstreamPool', () => {
  let provider: ScriptedProvider;
  let pool: UpstreamPool;
  beforeAll(async () => {
    provider = await startScriptedProvider();
    pool = new UpstreamPool(new URL(provider.baseUrl).origin, DEFAULT_TIMEOUTS);
  });
  afterAll(async () => {
    await pool.close();
    await provider.close();
  });

  it('counts a call until its body is closed, however it ends', async () => {
    const request = (signal?: AbortSignal) =>
      pool.request({ method: 'GET', path: '/v1/models', signal });
    const read = await request();
    expect(pool.open).toBe(1);
    await read.body.bytes();
    await expect.poll(() => pool.open).toBe(0);
    const dropped = await request();
    dropped.body.on('error', () => undefined).destroy();
    await expect.poll(() => pool.open).toBe(0);
    await expect(request(AbortSignal.abort())).rejects.toThrow();
    expect(pool.open).toBe(0);
  });
});
