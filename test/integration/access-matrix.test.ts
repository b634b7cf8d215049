import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  isAllowed,
  MATRIX_CALLERS,
  type MatrixRoute,
  matrixRoutes,
} from '../../scripts/generate/access-matrix.ts';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { type AccessWorld, peopleAccess } from '../support/access-world.ts';
import { freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import {
  callJson,
  type OpenedApplication,
  openedApplication,
  type ServedDatabase,
} from '../support/opened-application.ts';

const MISSING = 'missing_0000000000';

describe('access on PGlite', () => accessTests(async () => ({})));
describeWithLegs('access on PostgreSQL', ['postgres'], ({ postgres }) =>
  accessTests(() => freshPostgres(postgres)),
);

interface Answer {
  readonly status: number;
  readonly text: string;
}

function accessTests(fresh: () => Promise<ServedDatabase>): void {
  let application: OpenedApplication;
  let adminKey: string;
  let url: string;
  let world: AccessWorld;
  let routes: MatrixRoute[];

  beforeAll(async () => {
    application = await openedApplication('access', await fresh(), {
      LLAMP_OUTBOUND_ALLOW: '127.0.0.1',
    });
    ({ url, apiKey: adminKey } = application);
    world = await peopleAccess(application.stores.database, signIn);
    routes = matrixRoutes(JSON.parse((await call('GET', '/openapi.json')).text));
    await untilKnown();
  });

  afterAll(() => application?.close());

  const call = (
    method: string,
    path: string,
    options: { credential?: string; body?: unknown } = {},
  ): Promise<Answer> => callJson(url + path, { method, ...options });

  async function signIn(email: string, password: string): Promise<string> {
    const answer = await call('POST', '/api/v1/auth/sign-in', { body: { email, password } });
    const { access_token: token } = JSON.parse(answer.text);
    expect(answer, answer.text).toMatchObject({ status: 200 });
    return token;
  }

  const credentialOf = (name: string) => {
    const credential = world.credentials.get(name);
    if (credential === undefined) throw new Error(`nobody is called ${name}`);
    return credential;
  };

  // The people were written beside the services, so this instance sees them by the revision.
  async function untilKnown(): Promise<void> {
    for (const credential of world.credentials.values())
      await vi.waitFor(async () => {
        expect(await call('GET', '/api/v1/me', { credential })).toMatchObject({ status: 200 });
      }, 5_000);
  }

  const bodyFor = (method: string) => (method === 'GET' || method === 'DELETE' ? undefined : {});

  test('ID-2 every route answers every caller as the policy says', async () => {
    const differences: string[] = [];
    for (const route of routes) {
      const path = route.path.replaceAll(/\{\w+\}/g, MISSING);
      const body = bodyFor(route.method);
      const anonymous = await call(route.method, path, { body });
      if ((anonymous.status === 401) !== (route.access !== 'public') && !isSignIn(route))
        differences.push(`anonymous ${route.method} ${route.path}: ${anonymous.status}`);
      const answers = await Promise.all(
        MATRIX_CALLERS.map(({ name }) =>
          call(route.method, path, { credential: credentialOf(name), body }),
        ),
      );
      for (const [at, answer] of answers.entries()) {
        const caller = MATRIX_CALLERS[at];
        if (caller === undefined) throw new Error('one answer for each caller');
        const isRefused = answer.status === 403 && answer.text.includes('insufficient_permissions');
        if (isRefused === isAllowed(caller, route) || answer.status >= 500)
          differences.push(`${caller.name} ${route.method} ${route.path}: ${answer.status}`);
      }
    }
    expect(differences).toEqual([]);
    expect(routes.length).toBeGreaterThan(100);
  });

  test('ID-2 ID-3 foreign ids answer exactly like missing ids', async () => {
    const ids = await ownThings();
    const named = routes.filter(({ path }) => /\{\w+\}/.test(path) && !path.includes('{name}'));
    const outsiders = ['foreign owner', 'foreign developer', 'stranger owner', 'stranger key'];
    const differences: string[] = [];
    for (const route of named) {
      const body = BODIES[`${route.method} ${route.path}`] ?? bodyFor(route.method);
      for (const name of outsiders.filter((each) => reachesLess(each, route))) {
        const credential = credentialOf(name);
        const foreign = await call(route.method, withIds(route.path, ids), { credential, body });
        const missing = await call(route.method, route.path.replaceAll(/\{\w+\}/g, MISSING), {
          credential,
          body,
        });
        if (foreign.status !== missing.status || anonymized(foreign, ids) !== missing.text)
          differences.push(
            `${name} ${route.method} ${route.path}: ${foreign.text} ${missing.text}`,
          );
      }
    }
    expect(differences).toEqual([]);
    expect(named.length).toBeGreaterThan(40);
    // Nothing was changed or taken away by all that.
    for (const route of named.filter(({ method }) => method === 'GET')) {
      const answer = await call('GET', withIds(route.path, ids), { credential: adminKey });
      if (!PENDING.has(route.path)) expect(answer, route.path).toMatchObject({ status: 200 });
    }
  });

  test('ID-2 lists of a project show nothing of another one', async () => {
    const ids = Object.values(await ownThings()).filter((id) => id !== world.organizationId);
    const lists = routes.filter(({ method, path }) => method === 'GET' && !path.includes('{'));
    for (const name of ['foreign owner', 'foreign developer', 'stranger owner', 'stranger key'])
      for (const { path } of lists.filter((each) => !isShared(each.path))) {
        const { text } = await call('GET', path, { credential: credentialOf(name) });
        const shown = ids.filter((id) => text.includes(id));
        expect(shown, `${name} ${path}`).toEqual([]);
      }
  });

  /** One thing of each kind in the first project, by the name of its parameter. */
  async function ownThings(): Promise<Record<string, string>> {
    const make = async (path: string, body: unknown) => {
      const answer = await call('POST', path, { credential: adminKey, body });
      expect(answer.status, `${path} ${answer.text}`).toBeLessThan(300);
      return String(JSON.parse(answer.text).id);
    };
    const unique = systemClock.newId('x');
    const provider = { name: unique, kind: 'openai-compatible', base_url: 'http://127.0.0.1:9/v1' };
    const providerId = await make('/api/v1/providers', provider);
    const deployment = { name: unique, provider: providerId, upstream_model: 'm' };
    const deploymentId = await make('/api/v1/deployments', deployment);
    const fileId = await upload();
    const storeId = await make('/v1/vector_stores', { name: unique });
    await make(`/v1/vector_stores/${storeId}/files`, { file_id: fileId });
    const limit = { scope: 'project', scope_id: world.projectId, kind: 'requests' };
    const userId = world.userIds.get('project developer') ?? '';
    return {
      provider_id: providerId,
      deployment_id: deploymentId,
      model_id: await make('/api/v1/models', {
        name: unique,
        deployments: [{ deployment: deploymentId }],
      }),
      limit_id: await make('/api/v1/limits', { ...limit, model: unique, amount: 100 }),
      guardrail_id: await make('/api/v1/guardrails', {
        name: unique,
        kind: 'secrets',
        action: 'flag',
      }),
      key_id: await make('/api/v1/keys', { name: unique, scopes: ['inference'] }),
      project_id: world.projectId,
      user_id: userId,
      file_id: fileId,
      store_id: storeId,
      batch_id: await make(`/v1/vector_stores/${storeId}/file_batches`, { file_ids: [fileId] }),
    };
  }

  async function upload(): Promise<string> {
    const form = new FormData();
    form.append('purpose', 'assistants');
    form.append('file', new Blob(['text']), 'a.txt');
    const response = await fetch(`${url}/v1/files`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}` },
      body: form,
    });
    return String(((await response.json()) as { id: string }).id);
  }
}

const isSignIn = ({ path }: MatrixRoute) => path.startsWith('/api/v1/auth/');

// A second project of the same organization shares what belongs to the organization.
function reachesLess(name: string, { path }: MatrixRoute): boolean {
  return !(path.includes('{version_id}') || (name.startsWith('stranger') && isShared(path)));
}

// The routing and the prices of an installation are one, whoever calls.
const isShared = (path: string) => /^\/api\/v1\/(prices|deployments\/health)/.test(path);

const withIds = (path: string, ids: Readonly<Record<string, string>>) =>
  path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => ids[name] ?? MISSING);

function anonymized({ text }: Answer, ids: Readonly<Record<string, string>>): string {
  return Object.values(ids).reduce((rest, id) => rest.replaceAll(id, MISSING), text);
}

/** Bodies that pass the check of their form, so that the question who may is reached. */
const BODIES: Readonly<Record<string, unknown>> = Object.fromEntries(
  ['/v1', '/api/v1/llm'].flatMap((prefix) => [
    [`POST ${prefix}/vector_stores/{store_id}`, { name: 'taken' }],
    [`POST ${prefix}/vector_stores/{store_id}/files`, { file_id: MISSING }],
    [`POST ${prefix}/vector_stores/{store_id}/files/{file_id}`, { attributes: { a: 'b' } }],
    [`POST ${prefix}/vector_stores/{store_id}/file_batches`, { file_ids: [MISSING] }],
    [`POST ${prefix}/vector_stores/{store_id}/search`, { query: 'text' }],
    ['PATCH /api/v1/providers/{provider_id}', { name: 'taken' }],
    ['PATCH /api/v1/deployments/{deployment_id}', { name: 'taken' }],
    ['PATCH /api/v1/models/{model_id}', { affinity: true }],
    ['PATCH /api/v1/limits/{limit_id}', { amount: 1 }],
    ['PATCH /api/v1/guardrails/{guardrail_id}', { action: 'deny' }],
    ['POST /api/v1/guardrails/{guardrail_id}/test', { text: 'x' }],
    ['PATCH /api/v1/keys/{key_id}', { name: 'taken' }],
    ['PATCH /api/v1/members/{user_id}', { role: 'member' }],
    ['POST /api/v1/projects/{project_id}/members', { user_id: MISSING, role: 'viewer' }],
    ['PATCH /api/v1/projects/{project_id}/members/{user_id}', { role: 'viewer' }],
  ]),
);

/** Nothing to read there before the file is parsed. */
const PENDING = new Set([
  '/v1/vector_stores/{store_id}/files/{file_id}/content',
  '/api/v1/llm/vector_stores/{store_id}/files/{file_id}/content',
  '/api/v1/prices/versions/{version_id}',
]);
