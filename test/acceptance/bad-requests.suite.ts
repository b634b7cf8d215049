import { expect, test } from 'vitest';
import type { Installation } from '../support/servers/installation.ts';
import { call, chat } from './api-client.ts';
import { BAD_REQUESTS } from './bad-requests.ts';
import { expectEnvelope, expectEnvelopeOf } from './error-envelope.ts';

/** Values for ids in paths that no id looks like. */
const ODD_IDS = ['missing', '%F0%9F%90%BB', 'x'.repeat(129), '..', '%00', "';drop table files;--"];
const ODD_BODIES = ['', '{}', '[]', 'null', '7', '{"a":', '{"limit":{"":[]}}', '{"__proto__":{}}'];

export function badRequestsSuite(installation: () => Installation): void {
  const instanceUrl = (): string => {
    const [instance] = installation().instances;
    if (instance === undefined) throw new Error('no instance');
    return instance.url;
  };

  test.each(BAD_REQUESTS)('GW-3 ID-7 $name is $status', async (bad) => {
    const { name, status, code, request } = bad;
    const { url, apiKey: key } = installation();
    const answer = await call(url, { key, ...request });
    expect(answer.status, answer.text).toBe(status);
    expectEnvelope(answer, name);
    if (code !== undefined) expect(answer.json['error']).toMatchObject({ code });
  });

  test('ID-3 a missing, malformed, unknown or revoked key is 401 on every guarded route', async () => {
    const url = instanceUrl();
    const keys = [undefined, '', 'sk-llamp-wrong', 'x'.repeat(5_000), await revokedKey()];
    for (const { method, path } of await routes())
      for (const key of keys) {
        const answer = await call(url, { method, path: filled(path, 'missing'), key });
        expect(answer.status, `${method} ${path} with ${key?.slice(0, 20)}`).toBe(401);
        expectEnvelopeOf(path, answer, path);
      }
  });

  test('ID-3 a key without the scope is 403', async () => {
    const url = instanceUrl();
    const { key } = await createdKey(['inference']);
    for (const path of ['/v1/files', '/api/v1/keys', '/api/v1/usage', '/metrics']) {
      const answer = await call(url, { path, key });
      expect(answer.status, path).toBe(403);
      expectEnvelope(answer, path);
    }
  });

  test('GW-3 headers beyond every limit are refused with an envelope', async () => {
    const { url, apiKey: key } = installation();
    const headers = { 'x-padding': 'x'.repeat(40_000) };
    const answer = await call(url, { path: '/v1/models', key, headers });
    // Nginx knows no 431.
    expect([400, 431]).toContain(answer.status);
    expectEnvelope(answer, 'huge header');
  });

  test('ID-7 every route answers odd ids and bodies with 4xx at worst', async () => {
    const { apiKey: key } = installation();
    const url = instanceUrl();
    const strange: string[] = [];
    for (const { method, path } of await routes())
      for (const [id, body] of oddities(method)) {
        const headers = { 'content-type': 'application/json' };
        const request = {
          method,
          path: filled(path, id),
          key,
          ...(body === undefined ? {} : { body, headers }),
        };
        const answer = await call(url, request);
        if (answer.status >= 500) strange.push(`${method} ${request.path} ${body}: ${answer.text}`);
        else if (answer.status >= 400)
          expectEnvelopeOf(path, answer, `${method} ${request.path} ${body}`);
      }
    expect(strange).toEqual([]);
    expect((await chat({ url, key, model: 'scripted-chat' })).status).toBe(200);
  });

  async function createdKey(scopes: readonly string[]): Promise<{ id: string; key: string }> {
    const { url, apiKey: key } = installation();
    const json = { name: 'bad input', scopes };
    const answer = await call(url, { path: '/api/v1/keys', key, json });
    return answer.json as unknown as { id: string; key: string };
  }

  async function revokedKey(): Promise<string> {
    const { url, apiKey } = installation();
    const { id, key } = await createdKey(['inference', 'knowledge', 'management']);
    const revoked = await call(url, { method: 'DELETE', path: `/api/v1/keys/${id}`, key: apiKey });
    expect(revoked.status).toBe(200);
    return key;
  }

  /** What the server itself says it serves, without the routes that need no key. */
  async function routes(): Promise<{ method: string; path: string }[]> {
    const { url } = installation();
    const answer = await call(url, { path: '/openapi.json' });
    const paths = answer.json['paths'] as Record<string, Record<string, unknown>>;
    const all = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    );
    const guarded = all.filter(({ path }) => !PUBLIC.test(path));
    expect(guarded.length).toBeGreaterThan(40);
    return guarded;
  }
}

const PUBLIC =
  /^\/(health|openapi\.json|\.well-known\/|api\/v1\/(setup|auth\/(sign-in|sign-in\/code|refresh|sign-out|password-reset|invitations\/accept))$)/;

const filled = (path: string, id: string) => path.replace(/\{\w+\}/g, id);

function oddities(method: string): [string, string | undefined][] {
  const ids = ODD_IDS.map((id): [string, string | undefined] => [
    id,
    method === 'POST' ? '{}' : undefined,
  ]);
  if (method !== 'POST') return ids;
  return [...ids, ...ODD_BODIES.map((body): [string, string] => ['missing', body])];
}
