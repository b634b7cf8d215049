import type { Check } from '../../check.ts';
import { listCollectionDimensions } from '../../../../knowledge/checks.ts';
import { fail, ok } from '../../finding.ts';
import { ofVectors, PROBE_TIMEOUT_MS } from '../../of-served-store.ts';
import { text } from '../../text.ts';

export const vectorsDimensions: Check = {
  ...ofVectors,
  id: 'vectors.dimensions',
  title: text('Length of the vectors in Milvus', 'Milvus 中向量的维度'),
  symptom: text(
    '`collection_mismatch`, or searches find nothing',
    '`collection_mismatch`，或搜索没有结果',
  ),
  hint: text(
    'Make the collection anew: `llamp knowledge rebuild`.',
    '重建集合：`llamp knowledge rebuild`。',
  ),
  place: 'data',
  needs: ['vectors.reachable', 'database.schema'],
  run: async ({ probes }, signal) => {
    const wanted = await listCollectionDimensions(await probes.database());
    const vectors = await probes.vectors();
    const names = wanted.map(({ name }) => name);
    const found = await vectors.dimensions(names, { timeoutMs: PROBE_TIMEOUT_MS, signal });
    const wrong = wanted.flatMap(({ name, dimensions }) => {
      const actual = found.get(name);
      return actual === undefined || actual === dimensions
        ? []
        : [`${name}: ${actual} ≠ ${dimensions}`];
    });
    if (wrong.length > 0) return fail(wrong.join(', '), wrong.join('、'));
    return ok(`${found.size} collections`, `${found.size} 个集合`);
  },
};
