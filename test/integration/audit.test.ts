import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  ACCESS_ROUTES,
  CHANGE_ROUTES,
  pathBelowPrefix,
  sqlSealedLog,
  UNRECORDED_ROUTES,
  verifyChain,
} from '../../src/domains/audit/index.ts';
import type { Stores } from '../../src/runtime.ts';
import {
  callJson,
  type OpenedApplication,
  openedApplication,
} from '../support/opened-application.ts';

let application: OpenedApplication;
let stores: Stores;
let url: string;
let apiKey: string;

beforeAll(async () => {
  application = await openedApplication('audit', {});
  ({ stores, url, apiKey } = application);
});

afterAll(() => application?.close());

async function call(method: string, path: string, body?: object, credential = apiKey) {
  const { status, text } = await callJson(url + path, { method, credential, body });
  return { status, json: JSON.parse(text) };
}

const events = async (query: string) => (await call('GET', `/api/v1/audit?${query}`)).json.data;

/** Reads are written down within half a second. */
const eventually = async (query: string, count = 1) =>
  vi.waitFor(async () => {
    const found = await events(query);
    expect(found.length).toBeGreaterThanOrEqual(count);
    return found;
  }, 5_000);

test('ID-4 every route that changes something says what it writes down', async () => {
  const { paths } = (await call('GET', '/openapi.json')).json;
  const unknown: string[] = [];
  for (const [path, operations] of Object.entries(paths as Record<string, object>)) {
    for (const [method, operation] of Object.entries(operations)) {
      const isInference = (operation as { tags?: string[] }).tags?.includes('inference') === true;
      if (method === 'get' || isInference) continue;
      const below = pathBelowPrefix(path.replaceAll(/\{(\w+)\}/g, ':$1'));
      const route = `${method.toUpperCase()} ${below}`;
      if (![CHANGE_ROUTES, ACCESS_ROUTES, UNRECORDED_ROUTES].some((known) => route in known))
        unknown.push(route);
    }
  }
  expect(unknown).toEqual([]);
});

describe('ID-4 the audit log of a running server', () => {
  test('holds each change once, with who made it, without its secret', async () => {
    const made = await call('POST', '/api/v1/keys', { name: 'audited', scopes: ['inference'] });
    expect(made.status).toBe(201);
    const found = await events(`action=keys.create&resource_id=${made.json.id}`);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ action: 'keys.create', outcome: 'success' });
    expect(JSON.stringify(found)).not.toContain(made.json.key);
    await call('DELETE', `/api/v1/keys/${made.json.id}`);
    await call('DELETE', `/api/v1/keys/${made.json.id}`);
    expect(await events(`action=keys.revoke&resource_id=${made.json.id}`)).toHaveLength(1);
  });

  test('has no entry without its change, and no change without its entry', async () => {
    const before = (await events('action=providers.create&limit=100')).length;
    const provider = { name: 'once', kind: 'openai-compatible', base_url: 'https://up.example/v1' };
    expect((await call('POST', '/api/v1/providers', provider)).status).toBe(201);
    expect((await call('POST', '/api/v1/providers', provider)).status).toBe(409);
    expect(await events('action=providers.create&limit=100')).toHaveLength(before + 1);
    await stores.database.executeScript(
      "alter table audit_events add check (action <> 'models.create') not valid",
    );
    const model = { name: 'unwritten', deployments: [{ deployment: 'd' }] };
    await call('POST', '/api/v1/deployments', { name: 'd', provider: 'once', upstream_model: 'm' });
    expect((await call('POST', '/api/v1/models', model)).status).toBe(500);
    const listed = await call('GET', '/api/v1/models');
    expect(listed.json.data).toEqual([]);
  });

  test('knows who reads, and who was refused', async () => {
    expect((await call('GET', '/api/v1/usage')).status).toBe(200);
    expect((await eventually('action=usage.read'))[0]).toMatchObject({ outcome: 'success' });
    const { json } = await call('POST', '/api/v1/keys', { name: 'narrow', scopes: ['inference'] });
    expect((await call('GET', '/api/v1/keys', undefined, json.key)).status).toBe(403);
    const [denied] = await eventually('action=access.denied');
    expect(denied).toMatchObject({ outcome: 'denied' });
    expect(JSON.stringify(denied)).toContain(json.id);
  });

  test('is chained while it grows, and proven', async () => {
    await vi.waitFor(async () => {
      const proof = await verifyChain(sqlSealedLog(stores.database), []);
      expect(proof.finding).toBeUndefined();
      expect(proof.verified).toBeGreaterThan(5);
    }, 10_000);
    const exported = await fetch(`${url}/api/v1/audit/export`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    const lines = (await exported.text()).trim().split('\n');
    expect(lines.length).toBeGreaterThan(5);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ seal: { seq: 1 } });
  });

  test('answers bad questions with the field', async () => {
    const wrong = await call('GET', '/api/v1/audit?action=no.such');
    expect(wrong).toMatchObject({ status: 400, json: { error: { param: 'action' } } });
    const cursor = await call('GET', '/api/v1/audit?after=audit_missing');
    expect(cursor).toMatchObject({ status: 400, json: { error: { param: 'after' } } });
  });
});
