import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../src/domains/knowledge/ingestion/collect.ts';
import { INGEST_QUEUE } from '../../src/domains/knowledge/ingestion/queues.ts';
import { type VectorIndex, VectorIndexError } from '../../src/ports/vector-index.ts';
import { IngestStage, paragraphsOf } from '../support/ingest-stage.ts';
import { withMethods } from '../support/store-methods.ts';

let stage: IngestStage;

beforeAll(async () => {
  stage = await IngestStage.open();
});

afterAll(() => stage.close());

beforeEach(() => stage.reset());

const index = () => stage.stores.index as VectorIndex;

describe('the collector', () => {
  async function addSuperseded(id: string, collection: string, rest = 'null'): Promise<void> {
    await stage.query(
      `insert into generations (id, project_id, vector_store_id, file_id, collection, state, created_at,
          superseded_at, claimed_until)
        values ($1, 'proj_a', $2, 'file-x', $3, 'superseded', now(), now() - interval '1 hour', ${rest})`,
      [id, stage.storeId, collection],
    );
  }
  const left = async (prefix: string) =>
    (
      await stage.query<{ id: string }>(`select id from generations where id like $1 order by id`, [
        `${prefix}%`,
      ])
    ).map((row) => row.id);

  test('goes on past what fails, and says so at the end', async () => {
    await addSuperseded('gen_part_a', 'kb_broken');
    await addSuperseded('gen_part_b', 'kb_whole');
    await stage.query(
      `insert into pending_blobs (blob_key, created_at) values ('files/broken-off', now() - interval '3 days')`,
    );
    const broken = withMethods(index(), {
      deleteGenerations: async (...parameters: Parameters<VectorIndex['deleteGenerations']>) => {
        if (parameters[0] === 'kb_broken') throw new VectorIndexError('unavailable', 'away');
        await index().deleteGenerations(...parameters);
      },
    });
    const deps = stage.deps({ index: broken });
    await expect(collect(deps, stage.signal)).rejects.toThrow('could not collect: generations');
    expect(await left('gen_part_')).toEqual(['gen_part_a']);
    expect(await stage.query('select blob_key from pending_blobs')).toEqual([]);
    await collect(stage.deps(), stage.signal);
    expect(await left('gen_part_')).toEqual([]);
  });

  test('stops at once when it is told to', async () => {
    await expect(collect(stage.deps(), AbortSignal.abort(new Error('closing')))).rejects.toThrow(
      'closing',
    );
  });

  test('leaves a generation alone while its run may still write', async () => {
    await addSuperseded('gen_held_a', 'kb_whole', `now() + interval '1 minute'`);
    await addSuperseded('gen_held_b', 'kb_whole', `now() - interval '1 minute'`);
    await collect(stage.deps(), stage.signal);
    expect(await left('gen_held_')).toEqual(['gen_held_a']);
  });

  test('removes the chunks of a generation some thousand at a time', async () => {
    await addSuperseded('gen_long', 'kb_whole');
    await addChunks('gen_long', 12_000);
    const counts: number[] = [];
    const { database } = stage.stores;
    const watched = withMethods(database, {
      execute: async (...parameters: Parameters<typeof database.execute>) => {
        const result = await database.execute(...parameters);
        if (parameters[0].sql.startsWith('delete from chunks')) counts.push(result.affectedRows);
        return result;
      },
    });
    await collect(stage.deps({ database: watched }), stage.signal);
    expect(counts).toEqual([5_000, 5_000, 2_000]);
    expect(await left('gen_long')).toEqual([]);
  });

  test('puts a stalled file into the queue again only when no run holds it', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'owls'));
    const stall = () =>
      stage.query(
        `update vector_store_files set progressed_at = now() - interval '1 hour' where file_id = $1`,
        [fileId],
      );
    const { tools, enqueued } = stage.recordingTools();
    stage.midway(async () => {
      await stall();
      await collect(tools.deps, stage.signal);
      expect(enqueued).toEqual([]);
      throw new Error('dies');
    });
    await expect(stage.run(fileId)).rejects.toThrow('dies');
    await collect(tools.deps, stage.signal);
    expect(enqueued).toEqual([]);
    await stall();
    await collect(tools.deps, stage.signal);
    expect(enqueued).toEqual([INGEST_QUEUE]);
  });
});

async function addChunks(generationId: string, count: number): Promise<void> {
  await stage.query(
    `insert into chunks (generation_id, ordinal, project_id, content, char_start, char_end, token_count, words,
        characters)
      select $1::text, n, 'proj_a', 'chunk ' || n, n * 20, n * 20 + 20, 2, '', '' from generate_series(0, $2::int - 1) n`,
    [generationId, count],
  );
}

test('the content of a file is whole, however many chunks it has', async () => {
  const fileId = await stage.attachText(paragraphsOf(1, 'geese'));
  await stage.run(fileId);
  const { generation } = await stage.stateOf(fileId);
  await stage.query('delete from chunks where generation_id = $1', [generation]);
  await addChunks(generation, 10_500);
  const { principal } = stage.context();
  const content = await stage.knowledge.service.storeFiles.content(
    principal,
    stage.storeId,
    fileId,
  );
  expect(content.data).toHaveLength(10_500);
  expect(content.data.at(-1)?.text).toBe('chunk 10499');
  expect(content.has_more).toBe(false);
});
