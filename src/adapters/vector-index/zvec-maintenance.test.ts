import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ZVecCollection, ZVecCreateAndOpen } from '@zvec/zvec';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ZvecMaintenance } from './zvec-maintenance.ts';
import { zvecSchema } from './zvec-schema.ts';

const POLICY = { sealRows: 50, optimizeRows: 100, quietMs: 10 };
let directory: string;
let collection: ZVecCollection;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'llamp-zvec-'));
  collection = ZVecCreateAndOpen(
    join(directory, 'kb_one'),
    zvecSchema({ name: 'kb_one', dimensions: 4 }),
  );
});

afterEach(() => {
  collection.closeSync();
  rmSync(directory, { recursive: true, force: true });
});

it('builds the graph behind the writes and loses no row', async () => {
  const maintenance = startMaintenance();
  for (let start = 0; start < 160; start += 40) {
    insert(start, 40);
    maintenance.inserted(40);
  }
  await vi.waitFor(() => expect(collection.stats.indexCompleteness['embedding']).toBe(1), 10_000);
  await maintenance.close();
  expect(collection.stats.docCount).toBe(160);
  expect(ids()).toHaveLength(160);
});

it('leaves a small collection alone', async () => {
  const optimize = vi.spyOn(collection, 'optimize');
  const maintenance = startMaintenance();
  insert(0, 60);
  maintenance.inserted(60);
  await maintenance.close();
  expect(optimize).not.toHaveBeenCalled();
  expect(ids()).toHaveLength(60);
});

it('does not wait for quiet once far too much has piled up', async () => {
  const maintenance = startMaintenance({ ...POLICY, quietMs: 3_600_000 });
  insert(0, 400);
  maintenance.inserted(400);
  await maintenance.close();
  expect(collection.stats.indexCompleteness['embedding']).toBe(1);
});

it('takes up what an earlier process left, and makes room after deletes', async () => {
  insert(0, 150);
  const maintenance = startMaintenance();
  await vi.waitFor(() => expect(collection.stats.indexCompleteness['embedding']).toBe(1), 10_000);
  const optimize = vi.spyOn(collection, 'optimize');
  collection.deleteByFilterSync('generation_id = "gen_a"');
  maintenance.deleted(150);
  await vi.waitFor(() => expect(optimize).toHaveBeenCalledOnce(), 10_000);
  await maintenance.close();
  expect(ids()).toEqual([]);
});

it('reports a failed optimize and goes on', async () => {
  const errors: unknown[] = [];
  vi.spyOn(collection, 'optimize').mockRejectedValue(new Error('disk full'));
  const maintenance = new ZvecMaintenance(collection, POLICY, (cause) => errors.push(cause));
  insert(0, 150);
  maintenance.inserted(150);
  await vi.waitFor(() => expect(errors).not.toHaveLength(0), 10_000);
  await maintenance.close();
  expect(String(errors[0])).toContain('disk full');
  expect(ids()).toHaveLength(150);
});

function startMaintenance(policy = POLICY): ZvecMaintenance {
  return new ZvecMaintenance(collection, policy, (cause) => {
    throw cause;
  });
}

function insert(start: number, count: number): void {
  collection.upsertSync(
    Array.from({ length: count }, (_, i) => ({
      id: `gen_a.${start + i}`,
      vectors: { embedding: Float32Array.of(1, start + i, 0, 1) },
      fields: {
        project_id: 'proj_a',
        vector_store_id: 'vs_a',
        generation_id: 'gen_a',
        words: 'plain',
        characters: 'plain',
      },
    })),
  );
}

function ids(): string[] {
  return collection
    .querySync({ filter: 'generation_id = "gen_a"', topk: 1000 })
    .map((hit) => hit.id);
}
