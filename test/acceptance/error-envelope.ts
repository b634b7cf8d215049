import { expect } from 'vitest';
import type { Answer } from './api-client.ts';

/** An error as OpenAI's clients expect it, whoever answered: the application or the proxy before it. */
export function expectEnvelope(answer: Answer, what: string): void {
  expect(answer.headers['content-type'], what).toMatch(/^application\/json/);
  expect(answer.requestId, what).toMatch(/^[A-Za-z0-9._-]{8,128}$/);
  const body = answer.json;
  expect(Object.keys(body), what).toEqual(['error']);
  const error = body['error'] as Record<string, unknown>;
  expect(Object.keys(error).sort(), what).toEqual(['code', 'message', 'param', 'type']);
  expect(error, what).toEqual({
    message: expect.stringMatching(/\S/),
    type: expect.stringMatching(/^[a-z_]+$/),
    param: error['param'] === null ? null : expect.any(String),
    code: expect.stringMatching(/^[a-z_]+$/),
  });
}

/** The envelope that the clients of the route expect: Anthropic's under its own routes, OpenAI's everywhere else. */
export function expectEnvelopeOf(path: string, answer: Answer, what: string): void {
  if (!/\/messages(\/count_tokens)?$/.test(path)) return expectEnvelope(answer, what);
  expect(answer.headers['content-type'], what).toMatch(/^application\/json/);
  expect(answer.json, what).toEqual({
    type: 'error',
    error: {
      type: expect.stringMatching(/^[a-z_]+$/),
      message: expect.stringMatching(/\S/),
      details: {
        error_code: expect.stringMatching(/^[a-z_]+$/),
        param: expect.toBeOneOf([null, expect.any(String)]),
      },
    },
    request_id: answer.requestId,
  });
}
