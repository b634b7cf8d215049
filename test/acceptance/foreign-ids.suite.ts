import OpenAI, { toFile } from 'openai';
import { beforeAll, expect, test } from 'vitest';
import type { Installation } from '../support/servers/installation.ts';
import { type Call, call } from './api-client.ts';
import { expectEnvelope } from './error-envelope.ts';
import { until } from './llamp-process.ts';

interface Ids {
  readonly file: string;
  readonly store: string;
  readonly batch: string;
}

const KEY_KNOWN_WITHIN_MS = 2_000;

/** What belongs to another project does not exist, word for word. */
export function foreignIdsSuite(installation: () => Installation): void {
  let owned: Ids;
  let stranger: { key: string; store: string; file: string };

  beforeAll(async () => {
    owned = await content(await memberKey('owner'));
    const key = await memberKey('stranger');
    const { store, file } = await content(key);
    stranger = { key, store, file };
  });

  test('ID-3 every verb on a foreign id answers like on a missing one', async () => {
    const { url } = installation();
    const missing: Ids = {
      file: neverUsed(owned.file),
      store: neverUsed(owned.store),
      batch: neverUsed(owned.batch),
    };
    for (const [index, foreign] of requests(owned, stranger).entries()) {
      const absent = requests(missing, stranger)[index];
      if (absent === undefined) throw new Error('both lists have the same length');
      const what = `${foreign.method ?? ''} ${foreign.path} ${JSON.stringify(foreign.json ?? null)}`;
      const [got, expected] = [
        await call(url, { ...foreign, key: stranger.key }),
        await call(url, { ...absent, key: stranger.key }),
      ];
      expect([400, 404], `${what}: ${got.text}`).toContain(got.status);
      expectEnvelope(got, what);
      expect(got.status, what).toBe(expected.status);
      expect(withoutIds(got.text, owned), what).toBe(withoutIds(expected.text, missing));
      expect(Object.keys(got.headers).sort(), what).toEqual(Object.keys(expected.headers).sort());
    }
  });

  test('ID-3 a stranger sees none of it in lists, and nothing was changed', async () => {
    const { url } = installation();
    for (const path of [
      '/v1/files',
      '/v1/vector_stores',
      `/v1/vector_stores/${stranger.store}/files`,
    ]) {
      const { status, text } = await call(url, { path, key: stranger.key });
      expect(status).toBe(200);
      for (const id of Object.values(owned)) expect(text).not.toContain(id);
    }
    const found = await clientOf(stranger.key).vectorStores.search(stranger.store, {
      query: 'owner',
    });
    for (const { file_id: id } of found.data) expect(id).toBe(stranger.file);
    const { data } = await clientOf(ownerKey).vectorStores.files.list(owned.store);
    expect(data).toEqual([expect.objectContaining({ id: owned.file, status: 'completed' })]);
    expect(await clientOf(ownerKey).vectorStores.retrieve(owned.store)).toMatchObject({
      name: 'mine',
    });
  });

  let ownerKey = '';

  const clientOf = (apiKey: string) =>
    new OpenAI({ baseURL: `${installation().url}/v1`, apiKey, maxRetries: 0 });

  async function memberKey(name: string): Promise<string> {
    const { url, apiKey, instances } = installation();
    const project = await call(url, { path: '/api/v1/projects', key: apiKey, json: { name } });
    const json = { name, scopes: ['inference', 'knowledge'], project_id: project.json['id'] };
    const created = await call(url, { path: '/api/v1/keys', key: apiKey, json });
    expect(created.status, created.text).toBe(201);
    const key = String(created.json['key']);
    // Another instance than the one that made it knows it a moment later.
    for (const instance of instances) {
      await until(async () => {
        const answer = await call(instance.url, { path: '/v1/models', key });
        return answer.status === 200 ? true : undefined;
      }, KEY_KNOWN_WITHIN_MS);
    }
    if (name === 'owner') ownerKey = key;
    return key;
  }

  async function content(key: string): Promise<Ids> {
    const client = clientOf(key);
    const file = await client.files.create({
      file: await toFile(Buffer.from('a note of the owner'), 'note.txt'),
      purpose: 'assistants',
    });
    const store = await client.vectorStores.create({ name: 'mine' });
    const batch = await client.vectorStores.fileBatches.createAndPoll(
      store.id,
      { file_ids: [file.id] },
      { pollIntervalMs: 100 },
    );
    expect(batch.file_counts).toMatchObject({ completed: 1 });
    return { file: file.id, store: store.id, batch: batch.id };
  }
}

/** Every route that takes an id, once for each place where a foreign one fits. */
function requests(
  { file, store, batch }: Ids,
  own: { readonly store: string; readonly file: string },
): Call[] {
  const stores = '/v1/vector_stores';
  return [
    { path: `/v1/files/${file}` },
    { path: `/v1/files/${file}/content` },
    { path: `/v1/files/${file}`, method: 'DELETE' },
    { path: `/v1/files?after=${file}` },
    { path: `${stores}?after=${store}` },
    { path: `${stores}?before=${store}` },
    { path: stores, json: { name: 'x', file_ids: [file] } },
    { path: `${stores}/${store}` },
    { path: `${stores}/${store}`, json: { name: 'taken' } },
    { path: `${stores}/${store}`, method: 'DELETE' },
    { path: `${stores}/${store}/search`, json: { query: 'owner' } },
    { path: `${stores}/${store}/files` },
    { path: `${stores}/${store}/files`, json: { file_id: own.file } },
    { path: `${stores}/${store}/file_batches`, json: { file_ids: [own.file] } },
    ...[store, own.store].flatMap((each) => [
      { path: `${stores}/${each}/files/${file}` },
      { path: `${stores}/${each}/files/${file}/content` },
      { path: `${stores}/${each}/files/${file}`, json: { attributes: { a: 1 } } },
      { path: `${stores}/${each}/files/${file}`, method: 'DELETE' },
      { path: `${stores}/${each}/files`, json: { file_id: file } },
      { path: `${stores}/${each}/files?after=${file}` },
      { path: `${stores}/${each}/file_batches`, json: { file_ids: [file] } },
      { path: `${stores}/${each}/file_batches`, json: { files: [{ file_id: file }] } },
      { path: `${stores}/${each}/file_batches/${batch}` },
      { path: `${stores}/${each}/file_batches/${batch}/files` },
      { path: `${stores}/${each}/file_batches/${batch}/cancel`, method: 'POST' },
    ]),
  ];
}

/** An id of the same form and length that nobody was given. */
const neverUsed = (id: string) => id.slice(0, -12) + id.slice(-12).replace(/[a-z0-9]/gi, 'z');

function withoutIds(text: string, { file, store, batch }: Ids): string {
  return text.replaceAll(file, 'FILE').replaceAll(store, 'STORE').replaceAll(batch, 'BATCH');
}
