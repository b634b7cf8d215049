import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { openZvecVectorIndex } from '../../src/adapters/vector-index/zvec.ts';
import { silentLog } from '../../src/lib/log.ts';
import { describeVectorIndex } from './vector-index.contract.ts';
import { CALL, errorCode, makeRow, STRONG, unitVector } from './vector-index.rows-support.ts';

const directory = await mkdtemp(join(tmpdir(), 'llamp-zvec-'));
const open = (folder = 'shared') =>
  openZvecVectorIndex({ directory: join(directory, folder), log: silentLog });

afterAll(() => rm(directory, { recursive: true, force: true }));

describeVectorIndex('ZvecVectorIndex', { open: () => open(), sharesInstances: false });

it('names the version that is installed', async () => {
  const path = new URL('../../node_modules/@zvec/zvec/package.json', import.meta.url);
  const { version } = JSON.parse(await readFile(path, 'utf8')) as { version: string };
  const index = await open('version');
  expect(index.capabilities.description).toBe(`zvec ${version}`);
  await index.close();
});

it('reports a corrupt collection, which can then be made again', async () => {
  const index = await open('corrupt');
  await index.ensureCollection({ name: 'kb_one', dimensions: 4 }, CALL);
  await index.close();
  const folder = join(directory, 'corrupt', 'kb_one');
  for (const file of await readdir(folder))
    if (file.startsWith('manifest')) await writeFile(join(folder, file), 'not a manifest');
  // What a crash inside the creation of a collection leaves.
  await mkdir(join(directory, 'corrupt', '.creating-1'));

  const again = await open('corrupt');
  const definition = { name: 'kb_one', dimensions: 4 };
  expect(await errorCode(again.ensureCollection(definition, CALL))).toBe('collection_corrupt');
  const row = makeRow({ id: 'gen_a.0', vector: unitVector(4, 0) });
  await expect(again.insert('kb_one', [row], CALL)).rejects.toMatchObject({
    name: 'VectorIndexCorruptError',
    collection: 'kb_one',
  });
  await again.dropCollection('kb_one', CALL);
  await again.ensureCollection(definition, CALL);
  await again.insert('kb_one', [row], CALL);
  expect(await again.listIds('kb_one', 'gen_a', CALL)).toEqual(['gen_a.0']);
  await again.close();
  expect(await readdir(join(directory, 'corrupt'))).toEqual(['kb_one']);
});

it('refuses a folder that another instance has open', async () => {
  const [one, two] = [await open('locked'), await open('locked')];
  await one.ensureCollection({ name: 'kb_one', dimensions: 4 }, CALL);
  expect(await errorCode(two.listIds('kb_one', 'gen_a', CALL))).toBe('unavailable');
  await Promise.all([one.close(), two.close()]);
});

it('keeps what it acknowledged when the process is killed', async () => {
  for (const acknowledgements of [1, 4, 9]) {
    const folder = join(directory, `killed-${acknowledgements}`);
    const acknowledged = await killWriterAfter(folder, acknowledgements);
    const index = await openZvecVectorIndex({ directory: folder, log: silentLog });
    for (const generation of acknowledged)
      expect(await index.listIds('kb_kill', generation, CALL)).toHaveLength(75);
    const query = {
      vector: unitVector(4, 0),
      filter: { projectId: 'proj_a', vectorStoreIds: ['vs_a'], generationIds: acknowledged },
      limit: 1000,
    };
    expect(await index.searchVector('kb_kill', query, STRONG)).toHaveLength(
      Math.min(1000, 75 * acknowledged.length),
    );
    await index.close();
  }
});

async function killWriterAfter(folder: string, count: number): Promise<string[]> {
  const script = fileURLToPath(new URL('./vector-index.zvec-writer.ts', import.meta.url));
  const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line);
    if (acknowledged.length === count) child.kill('SIGKILL');
  }
  await exited;
  expect(acknowledged.length).toBeGreaterThanOrEqual(count);
  return acknowledged;
}
