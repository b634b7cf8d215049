import type { Check } from '../../check.ts';
import { fail, ok, warn } from '../../finding.ts';
import { ofVectors, PROBE_TIMEOUT_MS } from '../../of-served-store.ts';
import { text } from '../../text.ts';

export const vectorsVersion: Check = {
  ...ofVectors,
  id: 'vectors.version',
  title: text('Version of Milvus', 'Milvus 版本'),
  symptom: text('Searching for words is slow', '关键词搜索很慢'),
  hint: text(
    'Use Milvus 2.5 or newer: older ones have no full text search, and words are searched in SQL.',
    '使用 Milvus 2.5 或更高版本：更旧的版本没有全文检索，关键词在 SQL 中搜索。',
  ),
  run: async ({ probes }, signal) => {
    const version = await (await probes.vectors()).version({ timeoutMs: PROBE_TIMEOUT_MS, signal });
    const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? [];
    const number = Number(major) + Number(minor) / 100;
    if (number < 2.03) return fail(version, version);
    return number < 2.05 ? warn(version, version) : ok(version, version);
  },
};
