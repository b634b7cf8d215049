import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import { beforeAll, expect, test } from 'vitest';
import type { AppProcess } from '../support/servers/app-process.ts';
import type { Installation } from '../support/servers/installation.ts';
import { runLlamp, until } from './llamp-process.ts';

const REPAIR_DEADLINE_MS = 60_000;
const QUESTIONS = ['怎么重置密码', 'where is the printer', 'launch code'];
const TEXTS = {
  'zh.txt': '员工请假须在周五之前提交申请。密码重置请联系信息部。',
  'en.txt': 'The cafeteria opens at noon. Printers are on the second floor.',
  'code.txt': 'The launch code is albatross. Nobody may write it down.',
};

/** The vector index is derived: without its folder everything is found again, the same as before. */
export function knowledgeIndexSuite(installation: () => Installation): void {
  let storeId = '';
  let before: unknown[] = [];
  const app = (): AppProcess => {
    const [instance] = installation().instances;
    if (instance === undefined) throw new Error('no instance');
    return instance;
  };
  const client = () =>
    new OpenAI({
      baseURL: `${installation().url}/v1`,
      apiKey: installation().apiKey,
      maxRetries: 0,
    });
  const answers = () =>
    Promise.all(
      QUESTIONS.map(async (query) => (await client().vectorStores.search(storeId, { query })).data),
    );
  const deleteIndex = () =>
    rm(join(app().dataDirectory, 'index'), { recursive: true, force: true });

  beforeAll(async () => {
    storeId = (await client().vectorStores.create({ name: 'handbook' })).id;
    for (const [name, text] of Object.entries(TEXTS)) {
      const file = await toFile(Buffer.from(text), name);
      await client().vectorStores.files.uploadAndPoll(storeId, file, { pollIntervalMs: 100 });
    }
    before = await answers();
    expect(before.map((hits) => (hits as unknown[]).length)).not.toContain(0);
  });

  test('KB-6 `knowledge rebuild` makes a deleted index again', async () => {
    await app().stop();
    await deleteIndex();
    const variables = { LLAMP_DATA_DIR: app().dataDirectory };
    const ended = await runLlamp(['knowledge', 'rebuild', '--json'], variables);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const { collections } = JSON.parse(ended.stdout) as { collections: object[] };
    expect(collections).toEqual([
      expect.objectContaining({ generations: 3, chunks: 3, failed: [] }),
    ]);
    await app().start();
    expect(await answers()).toEqual(before);
  });

  test('KB-6 a server without its index repairs it by itself', async () => {
    await app().stop();
    await deleteIndex();
    await app().start();
    const repaired = await until(async () => {
      const text = await readFile(app().logPath, 'utf8');
      const log = text.slice(text.lastIndexOf('starts; its data folder'));
      return /.*"the vector index was repaired".*/.exec(log)?.[0];
    }, REPAIR_DEADLINE_MS);
    expect(JSON.parse(repaired)).toMatchObject({ generations: 3, chunks: 3 });
    expect(await answers()).toEqual(before);
  });
}
