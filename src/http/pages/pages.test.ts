import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProbeServer } from '../../../test/support/probe-server.ts';

let app: FastifyInstance;
beforeAll(async () => {
  ({ app } = await startProbeServer());
});
afterAll(() => app.close());

describe('pages', () => {
  test.each([
    ['en-US,en', '', 'First call'],
    ['zh-CN,zh;q=0.9,en', '', '第一次调用'],
    ['en', '?lang=zh', '第一次调用'],
    ['fr', '', 'First call'],
  ])('the start page in %s%s', async (language, query, text) => {
    const answer = await app.inject({ url: `/${query}`, headers: { 'accept-language': language } });
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.body).toContain(text);
    expect(answer.body).toContain('Llamp 1.2.3');
    expect(answer.body).not.toMatch(/<script|https?:\/\/[^l]/);
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
  });
  const submit = (payload: string) =>
    app.inject({
      method: 'POST',
      url: '/setup',
      payload,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  test('the form shows the token of the link, escaped', async () => {
    const answer = await app.inject({ url: '/setup?token=%22%3E%3Cb%3E' });
    expect(answer.body).toContain('value="&quot;&gt;&lt;b&gt;"');
  });
  test('a link that is right shows the key once', async () => {
    const answer = await submit('token=right&email=a%40b.c&name=A&password=correct+horse');
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('sk-llamp-&lt;new&gt;');
  });
  test('a link that is wrong shows why and keeps the fields, except the password', async () => {
    const answer = await submit('token=old&email=a%40b.c&name=A&password=correct+horse');
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toContain('No such &lt;link&gt;.');
    expect(answer.body).toContain('value="a@b.c"');
    expect(answer.body).not.toContain('correct horse');
  });
});
