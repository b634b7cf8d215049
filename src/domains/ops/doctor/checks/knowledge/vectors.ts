import { type IndexedGeneration, sampleIndexedGenerations } from '../../../../knowledge/checks.ts';
import { VectorIndexError, type VectorIndex } from '../../../../../ports/vector-index.ts';
import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { listed, ofStored } from '../../of-stored.ts';
import { text } from '../../text.ts';

const SAMPLE = 8;
const INDEX_TIMEOUT_MS = 5_000;

/** What `--repair` mends. */
export const DRIFTED_VECTORS = 'drift.vectors';

export const driftedVectors: Check = {
  ...ofStored,
  id: DRIFTED_VECTORS,
  title: text('Vector index against SQL', '向量索引与数据库的一致性'),
  symptom: text('Searches do not find files that are completed', '搜索找不到已完成处理的文件'),
  hint: text(
    '`llamp doctor --repair`, or `llamp knowledge rebuild --repair`: the index is put back from what is stored.',
    '执行 `llamp doctor --repair` 或 `llamp knowledge rebuild --repair`：从已存数据恢复索引。',
  ),
  needs: ['database.schema', 'vectors.reachable', 'vectors.dimensions'],
  run: async ({ probes, clock }, signal) => {
    const sample = await sampleIndexedGenerations(await probes.database(), {
      after: clock.newId('gen_'),
      limit: SAMPLE,
    });
    if (sample.length === 0) return ok('nothing to search', '没有可搜索的内容');
    const index = await probes.index();
    const wrong: string[] = [];
    for (const generation of sample) {
      const rows = await countRows(index, generation, signal);
      if (rows !== generation.chunkCount)
        wrong.push(`${generation.id}: ${rows}/${generation.chunkCount}`);
    }
    if (wrong.length > 0) return fail(listed(wrong), listed(wrong, '、'));
    return ok(
      `${sample.length} of ${sample.length} looked at are whole`,
      `抽查 ${sample.length} 个，全部完整`,
    );
  },
};

async function countRows(
  index: VectorIndex,
  { collection, id }: IndexedGeneration,
  signal: AbortSignal,
): Promise<number> {
  try {
    return (await index.listIds(collection, id, { timeoutMs: INDEX_TIMEOUT_MS, signal })).length;
  } catch (error) {
    const isLost =
      error instanceof VectorIndexError &&
      (error.code === 'collection_missing' || error.code === 'collection_corrupt');
    if (isLost) return 0;
    throw error;
  }
}
