import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createSecretBox } from '../../src/lib/secret-box.ts';
import type { Database } from '../../src/ports/database.ts';
import type { FreshDatabase } from '../support/fresh-databases.ts';
import {
  installed,
  keyOfAnotherOrganization,
  type ModelsInstance,
  startModelsInstance,
} from '../support/models-instance.ts';
import { recordingLog } from '../support/recording-log.ts';
import { type ScriptedProvider, startScriptedProvider } from '../support/scripted-provider.ts';

const SECRET = 'sk-canary-0123456789-wxyz';
const IN_FORCE_MS = 2_000;
const box = createSecretBox(randomBytes(32));

/** Management of models on one kind of database; the second instance hears of changes by the database alone. */
export function describeModelManagement(
  title: string,
  fresh: () => Promise<FreshDatabase>,
  connections: 'one' | 'two',
): void {
  describe(title, () => {
    let databases: FreshDatabase;
    let database: Database;
    let otherDatabase: Database;
    let key: string;
    let one: ModelsInstance;
    let two: ModelsInstance;
    let upstream: ScriptedProvider;

    beforeAll(async () => {
      databases = await fresh();
      database = await databases.open();
      await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
      otherDatabase = connections === 'two' ? await databases.open() : database;
      key = await installed(database);
      upstream = await startScriptedProvider({ models: ['up-1', 'up-2'] });
      one = await startModelsInstance(database, key, { box });
      two = await startModelsInstance(otherDatabase, key, { box });
    });
    afterAll(async () => {
      await Promise.all([one?.close(), two?.close(), upstream?.close()]);
      if (otherDatabase !== database) await otherDatabase?.close();
      await database?.close();
      await databases?.dispose();
    });

    let count = 0;
    const unique = (noun: string) => `${noun}-${++count}`;
    const created = async (path: string, body: object) => {
      const answer = await one.call('POST', path, body);
      expect(answer.status, answer.text).toBe(201);
      return answer.json;
    };
    const newProvider = (fields: object = {}) =>
      created('/providers', {
        name: unique('provider'),
        kind: 'openai-compatible',
        base_url: upstream.baseUrl,
        credential: { api_key: SECRET },
        ...fields,
      });
    const newDeployment = async (fields: object = {}) => {
      const { name } = await newProvider();
      const names = { name: unique('deployment'), provider: name, upstream_model: 'up-1' };
      return created('/deployments', { ...names, ...fields });
    };
    const newModel = async (fields: object = {}) => {
      const { name } = await newDeployment();
      return created('/models', {
        name: unique('model'),
        deployments: [{ deployment: name }],
        ...fields,
      });
    };
    const seenByBoth = (check: (instance: ModelsInstance) => void) =>
      vi.waitFor(
        () => {
          check(one);
          check(two);
        },
        { timeout: IN_FORCE_MS },
      );

    test('GW-12 a model is served by every instance within two seconds, changed and deleted', async () => {
      const model = await newModel({ strategy: 'ordered', fallbacks: ['llamp-builtin'] });
      const { name } = model;
      expect(one.models.catalogue.find(name)).toMatchObject({ strategy: 'ordered' });
      await seenByBoth(({ models }) =>
        expect(models.catalogue.find(name)).toMatchObject({
          fallbacks: ['llamp-builtin'],
          ownedBy: expect.stringMatching(/^provider-/),
          deployments: [
            {
              provider: 'openai-compatible',
              upstreamModel: 'up-1',
              endpoint: { baseUrl: upstream.baseUrl, apiKey: SECRET },
            },
          ],
        }),
      );
      await one.call('PATCH', `/models/${model.id}`, { strategy: 'least-busy' });
      await seenByBoth(({ models }) =>
        expect(models.catalogue.find(name)?.strategy).toBe('least-busy'),
      );
      expect((await one.call('DELETE', `/models/${model.id}`)).json).toMatchObject({
        deleted: true,
      });
      await seenByBoth(({ models }) => expect(models.catalogue.find(name)).toBeUndefined());
      const { values } = await two.metrics.modelsSnapshotVersion.get();
      expect(values[0]?.value).toBe(two.models.catalogue.version);
    });

    test('GW-12 readers see a change of several fields whole or not at all', async () => {
      const model = await newModel({ strategy: 'ordered', fallbacks: ['ordered'] });
      const seen = new Set<string>();
      const reading = setInterval(() => {
        const { strategy, fallbacks } = two.models.catalogue.find(model.name) ?? {};
        if (strategy !== undefined) seen.add(`${strategy} ${fallbacks}`);
      }, 1);
      for (let round = 0; round < 10; round++) {
        const strategy = round % 2 === 0 ? 'weighted' : 'ordered';
        const patch = { strategy, fallbacks: [strategy] };
        expect((await one.call('PATCH', `/models/${model.id}`, patch)).status).toBe(200);
      }
      clearInterval(reading);
      expect(
        [...seen].every((text) => ['ordered ordered', 'weighted weighted'].includes(text)),
      ).toBe(true);
    });

    test('GW-11 a credential goes in and never comes out', async () => {
      const provider = await newProvider();
      expect(provider).toMatchObject({ credential_set: true, credential_hint: 'wxyz' });
      const answers = [
        await one.call('GET', `/providers/${provider.id}`),
        await one.call('GET', '/providers?limit=100'),
        await one.call('PATCH', `/providers/${provider.id}`, { enabled: true }),
        await one.call('POST', `/providers/${provider.id}/test`),
      ];
      for (const { text, status } of answers) {
        expect(status).toBe(200);
        expect(text).not.toContain('canary');
      }
      const { rows } = await database.execute<{ all: string }>({
        sql: 'select jsonb_agg(to_jsonb(p))::text as all from providers p',
        parameters: [],
      });
      expect(rows[0]?.all).not.toContain('canary');
      expect(rows[0]?.all).toMatch(/v1\.[\w-]{11}\./);
      const short = await newProvider({ credential: { api_key: 'short-key' } });
      expect(short).toMatchObject({ credential_set: true, credential_hint: null });
    });

    test('GW-11 a new credential is in force with health of its own', async () => {
      const model = await newModel();
      const deployment = () => one.models.catalogue.find(model.name)?.deployments[0];
      const before = deployment()?.credentialId;
      const { provider_id: id } = (
        await one.call('GET', `/deployments/${model.deployments[0].deployment_id}`)
      ).json;
      await one.call('PATCH', `/providers/${id}`, { credential: { api_key: 'sk-new' } });
      expect(deployment()?.endpoint?.apiKey).toBe('sk-new');
      expect(deployment()?.credentialId).not.toBe(before);
      await one.call('PATCH', `/providers/${id}`, { credential: null });
      expect(deployment()?.endpoint).toEqual({ baseUrl: upstream.baseUrl, isUserSet: true });
    });

    test('GW-11 a stored credential is not sent to another host', async () => {
      const { id } = await newProvider();
      const moved = { base_url: 'https://attacker.example/v1' };
      expect((await one.call('PATCH', `/providers/${id}`, moved)).json.error).toMatchObject({
        code: 'credential_required',
        param: 'credential',
      });
      const path = { base_url: `${upstream.baseUrl}/other` };
      expect((await one.call('PATCH', `/providers/${id}`, path)).status).toBe(200);
      const again = { ...moved, credential: { api_key: 'sk-1' } };
      expect((await one.call('PATCH', `/providers/${id}`, again)).status).toBe(200);
    });

    test('the test of a provider asks the upstream', async () => {
      const { id } = await newProvider({ credential: { api_key: upstream.apiKey } });
      const before = upstream.journal.length;
      expect((await one.call('POST', `/providers/${id}/test`)).json).toMatchObject({
        object: 'provider.test',
        ok: true,
        status: 200,
        models: ['up-1', 'up-2'],
        models_total: 2,
      });
      expect(upstream.journal.slice(before).map(({ path }) => path)).toEqual(['/v1/models']);
    });

    const right = {
      provider: { name: 'p', kind: 'google' },
      deployment: { name: 'd', provider: 'p', upstream_model: 'm' },
      model: { name: 'm', deployments: [{ deployment: 'd' }] },
    };
    test.each<[string, object, string | null]>([
      ['/providers', {}, 'name'],
      ['/providers', { ...right.provider, name: 'with space' }, 'name'],
      ['/providers', { ...right.provider, name: 7 }, 'name'],
      ['/providers', { ...right.provider, kind: 'builtin' }, 'kind'],
      ['/providers', { ...right.provider, api_key: 'k' }, 'api_key'],
      ['/providers', { ...right.provider, credential: 'k' }, 'credential'],
      ['/providers', { ...right.provider, credential: { key: 'k' } }, 'credential.key'],
      ['/providers', { ...right.provider, credential: { api_key: 'a b' } }, 'credential.api_key'],
      ['/providers', { ...right.provider, credential: {} }, 'credential.api_key'],
      ['/providers', { ...right.provider, base_url: 'ftp://x' }, 'base_url'],
      ['/providers', { ...right.provider, base_url: 'https://u:p@x' }, 'base_url'],
      ['/providers', { ...right.provider, base_url: 'https://x?a=1' }, 'base_url'],
      ['/providers', { ...right.provider, base_url: 'http://169.254.169.254/v1' }, 'base_url'],
      ['/providers', { ...right.provider, base_url: 'http://[::ffff:10.0.0.1]:1/v1' }, 'base_url'],
      ['/providers', { ...right.provider, region: 'eu-west-1' }, 'region'],
      ['/deployments', { ...right.deployment, provider: 'nobody' }, 'provider'],
      ['/deployments', { ...right.deployment, serves: [] }, 'serves'],
      ['/deployments', { ...right.deployment, serves: ['chat'] }, 'serves[0]'],
      ['/deployments', { ...right.deployment, weight: 1 }, 'weight'],
      ['/models', { ...right.model, name: 'llamp-builtin' }, 'name'],
      ['/models', { ...right.model, name: 'a b' }, 'name'],
      ['/models', { ...right.model, deployments: [] }, 'deployments'],
      ['/models', right.model, 'deployments[0].deployment'],
      [
        '/models',
        { ...right.model, deployments: [{ deployment: 'd', weight: -1 }] },
        'deployments[0].weight',
      ],
      [
        '/models',
        { ...right.model, deployments: [{ deployment: 'd', wieght: 1 }] },
        'deployments[0].wieght',
      ],
      ['/models', { ...right.model, fallbacks: ['m'] }, 'fallbacks[0]'],
      ['/models', { ...right.model, strategy: 'random' }, 'strategy'],
    ])('POST %s %j is a 400 that names %s', async (path, body, param) => {
      const { status, json } = await one.call('POST', path, body);
      expect({ status, param: json.error.param }).toEqual({ status: 400, param });
      expect(json.error.code).toBeTruthy();
    });

    test('one deployment twice in a model, by name and by id, is a 400', async () => {
      const { id, name } = await newDeployment();
      const deployments = [{ deployment: name }, { deployment: id }];
      const { json } = await one.call('POST', '/models', { name: unique('model'), deployments });
      expect(json.error).toMatchObject({
        code: 'invalid_model',
        param: 'deployments[1].deployment',
      });
    });

    test('names are taken once', async () => {
      const { name } = await newProvider();
      const other = await newProvider();
      for (const answer of [
        await one.call('POST', '/providers', { name, kind: 'google' }),
        await one.call('PATCH', `/providers/${other.id}`, { name }),
      ]) {
        expect(answer.status).toBe(409);
        expect(answer.json.error).toMatchObject({ code: 'name_taken', param: 'name' });
      }
    });

    test('what is in use is not deleted, and its users are named', async () => {
      const model = await newModel();
      const [{ deployment, deployment_id: deploymentId }] = model.deployments;
      const { provider_id: providerId } = (await one.call('GET', `/deployments/${deploymentId}`))
        .json;
      const provider = await one.call('DELETE', `/providers/${providerId}`);
      expect(provider).toMatchObject({ status: 409, json: { error: { code: 'provider_in_use' } } });
      expect(provider.json.error.message).toContain(deployment);
      const inUse = await one.call('DELETE', `/deployments/${deploymentId}`);
      expect(inUse).toMatchObject({ status: 409, json: { error: { code: 'deployment_in_use' } } });
      expect(inUse.json.error.message).toContain(model.name);
      for (const path of [
        `/models/${model.id}`,
        `/deployments/${deploymentId}`,
        `/providers/${providerId}`,
      ]) {
        expect((await one.call('DELETE', path)).status).toBe(200);
        expect((await one.call('GET', path)).status).toBe(404);
        expect((await one.call('DELETE', path)).status).toBe(404);
      }
    });

    test('changes of one entry at once are all kept', async () => {
      const { id } = await newProvider({ kind: 'azure', api_version: 'v1' });
      const base_url = `${upstream.baseUrl}/moved`;
      const patches = [{ enabled: false }, { api_version: 'preview' }, { base_url }];
      await Promise.all(patches.map((patch) => one.call('PATCH', `/providers/${id}`, patch)));
      expect((await one.call('GET', `/providers/${id}`)).json).toMatchObject({
        enabled: false,
        api_version: 'preview',
        base_url,
        credential_set: true,
      });
    });

    test('lists are paged', async () => {
      const made = [await newProvider(), await newProvider(), await newProvider()];
      const ids: string[] = [];
      for (let after: string | undefined; ; ) {
        const query = after === undefined ? '' : `&after=${after}`;
        const { json } = await one.call('GET', `/providers?limit=2${query}`);
        ids.push(...json.data.map((provider: { id: string }) => provider.id));
        if (!json.has_more) break;
        after = json.last_id;
      }
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.slice(-3)).toEqual(made.map(({ id }) => id));
      const unknown = await one.call('GET', '/models?after=model_none');
      expect(unknown).toMatchObject({ status: 400, json: { error: { param: 'after' } } });
    });

    test('other organizations and other scopes see nothing', async () => {
      const model = await newModel();
      const [{ deployment_id: deploymentId, deployment }] = model.deployments;
      const { provider_id: providerId } = (await one.call('GET', `/deployments/${deploymentId}`))
        .json;
      const stranger = await keyOfAnotherOrganization(database);
      const foreign = await startModelsInstance(database, stranger, { box });
      const paths = [
        `/models/${model.id}`,
        `/deployments/${deploymentId}`,
        `/providers/${providerId}`,
      ];
      for (const path of paths) {
        for (const [method, body] of [['GET'], ['PATCH', {}], ['DELETE']] as const) {
          expect((await foreign.call(method, path, body)).status).toBe(404);
        }
      }
      expect((await foreign.call('POST', `/providers/${providerId}/test`)).status).toBe(404);
      for (const list of ['/models', '/deployments', '/providers']) {
        expect((await foreign.call('GET', list)).json.data).toEqual([]);
      }
      const stolen = { name: unique('model'), deployments: [{ deployment }] };
      expect((await foreign.call('POST', '/models', stolen)).status).toBe(400);
      await foreign.close();

      const { key: inference } = (
        await one.call('POST', '/keys', { name: 'k', scopes: ['inference'] })
      ).json;
      const limited = await startModelsInstance(database, inference, { box });
      expect((await limited.call('GET', '/providers')).status).toBe(403);
      await limited.close();
    });

    test('GW-11 without a master key no credential is stored, and those there are unusable', async () => {
      const model = await newModel();
      const keyless = await startModelsInstance(database, key);
      const body = { name: unique('provider'), kind: 'google' };
      const refused = await keyless.call('POST', '/providers', {
        ...body,
        credential: { api_key: 'k' },
      });
      expect(refused).toMatchObject({
        status: 503,
        json: { error: { code: 'secret_key_missing' } },
      });
      expect(refused.json.error.message).toContain('LLAMP_SECRET_KEY');
      expect((await keyless.call('POST', '/providers', body)).status).toBe(201);
      await expect(keyless.models.catalogue.resolve(model.name)).rejects.toMatchObject({
        code: 'model_unusable',
        message: expect.stringContaining('LLAMP_SECRET_KEY is not set'),
      });
      await keyless.close();
    });

    test('GW-11 with another master key the reason is told, once, and nothing is garbled', async () => {
      const provider = await newProvider();
      const { log, lines } = recordingLog();
      const other = await startModelsInstance(database, key, {
        box: createSecretBox(randomBytes(32)),
        log,
      });
      const told = () =>
        lines.filter(({ fields }) => String(fields['reason']).includes(`'${provider.name}'`));
      expect(told()).toHaveLength(1);
      expect(String(told()[0]?.fields['reason'])).toContain('LLAMP_SECRET_KEY is another key');
      const test = await other.call('POST', `/providers/${provider.id}/test`);
      expect(test).toMatchObject({
        status: 503,
        json: { error: { code: 'credential_unreadable' } },
      });
      await newProvider();
      expect(told()).toHaveLength(1);
      await other.close();
    });
  });
}
