import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Database } from '../../src/ports/database.ts';
import { temporaryFolder } from '../support/database-template.ts';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import { installed, type ModelsInstance, startModelsInstance } from '../support/models-instance.ts';
import { recordingLog } from '../support/recording-log.ts';
import { describeModelManagement } from './models.suite.ts';

describeModelManagement('models on the embedded database', freshPglite, 'one');

describeWithLegs('models on a served database', ['postgres'], ({ postgres }) => {
  describeModelManagement('PostgreSQL', () => freshPostgres(postgres), 'two');
});

const fileOf = (upstreamModel: string) => `
providers:
  - name: from-file
    kind: openai-compatible
    base_url: http://127.0.0.1:9/v1
    credential: { api_key: "\${FILE_KEY}" }
deployments:
  - { name: file-place, provider: from-file, upstream_model: ${upstreamModel} }
models:
  - { name: file-model, deployments: [{ deployment: file-place }] }
`;

describe('the configuration file', () => {
  const folder = temporaryFolder('models-file');
  const path = join(folder, 'models.yaml');
  const { log, lines } = recordingLog();
  let databases: FreshDatabase;
  let database: Database;
  let instance: ModelsInstance;

  beforeAll(async () => {
    databases = await freshPglite();
    database = await databases.open();
    await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
    const key = await installed(database);
    // Stored before the file takes their names.
    const before = await startModelsInstance(database, key);
    const post = (to: string, body: object) => before.call('POST', to, body);
    await post('/providers', { name: 'from-file', kind: 'google' });
    await post('/deployments', { name: 'stored', provider: 'from-file', upstream_model: 'm' });
    await post('/models', { name: 'file-model', deployments: [{ deployment: 'stored' }] });
    await post('/models', { name: 'stored-model', deployments: [{ deployment: 'stored' }] });
    await before.close();
    writeFileSync(path, fileOf('first'));
    const textOf = (name: string) => (name === 'FILE_KEY' ? 'sk-of-the-file' : undefined);
    instance = await startModelsInstance(database, key, { log, file: { path, textOf } });
  });
  afterAll(async () => {
    await instance?.close();
    await database?.close();
    await databases?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const upstreamModel = () =>
    instance.models.catalogue.find('file-model')?.deployments[0]?.upstreamModel;

  test('GW-12 wins over stored entries of the same names', () => {
    expect(upstreamModel()).toBe('first');
    // A stored deployment goes on under a provider that the file defines now.
    expect(instance.models.catalogue.find('stored-model')?.deployments[0]).toMatchObject({
      provider: 'openai-compatible',
      endpoint: { baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'sk-of-the-file' },
    });
  });

  test('is shown by the API, first and without its credential, and read-only', async () => {
    const { json, text } = await instance.call('GET', '/providers?limit=1');
    const [provider] = json.data;
    expect(provider).toMatchObject({ name: 'from-file', source: 'file', credential_set: true });
    expect(text).not.toContain('sk-of-the-file');
    const rest = await instance.call('GET', `/providers?after=${provider.id}`);
    expect(rest.json.data).toMatchObject([{ name: 'from-file', source: 'database' }]);
    const shadowed = rest.json.data[0].id;
    const body = { name: 'file-model', deployments: [{ deployment: 'stored' }] };
    for (const answer of [
      await instance.call('PATCH', `/providers/${provider.id}`, { enabled: false }),
      await instance.call('DELETE', `/providers/${provider.id}`),
      await instance.call('PATCH', `/providers/${shadowed}`, { enabled: false }),
      await instance.call('DELETE', `/providers/${shadowed}`),
      await instance.call('POST', '/providers', { name: 'from-file', kind: 'google' }),
      await instance.call('POST', '/models', body),
    ]) {
      expect(answer.status).toBe(409);
      expect(answer.json.error.code).toBe('configured_by_file');
      expect(answer.json.error.param).toBeTruthy();
    }
    const tested = await instance.call('POST', `/providers/${provider.id}/test`);
    expect(tested.json).toMatchObject({ ok: false, outcome: 'unreachable', status: null });
  });

  test('GW-12 is read again as one swap, and a wrong one is refused', async () => {
    const { version } = instance.models.catalogue;
    const credentialId = () =>
      instance.models.catalogue.find('file-model')?.deployments[0]?.credentialId;
    const credentialBefore = credentialId();
    writeFileSync(path, fileOf('second'));
    expect(await instance.models.reloadFile()).toBe(true);
    expect(upstreamModel()).toBe('second');
    expect(credentialId()).toBe(credentialBefore);
    expect(instance.models.catalogue.version).toBe(version + 1);

    writeFileSync(path, `${fileOf('third')}surprise: true\n`);
    expect(await instance.models.reloadFile()).toBe(false);
    expect(upstreamModel()).toBe('second');
    expect(instance.models.catalogue.version).toBe(version + 1);
    const refusal = lines.find(({ level }) => level === 'error');
    expect(refusal?.fields['reason']).toContain('line 11: surprise is not a field');

    writeFileSync(path, '');
    expect(await instance.models.reloadFile()).toBe(true);
    expect(instance.models.catalogue.find('file-model')?.deployments[0]?.provider).toBe('google');
  });

  test('GW-12 what is known stays while the database is away', async () => {
    const names = instance.models.catalogue.list().map(({ name }) => name);
    await database.close();
    expect(instance.models.catalogue.list().map(({ name }) => name)).toEqual(names);
    expect(await instance.models.reloadFile()).toBe(true);
    expect(instance.models.catalogue.list().map(({ name }) => name)).toEqual(names);
  });
});
