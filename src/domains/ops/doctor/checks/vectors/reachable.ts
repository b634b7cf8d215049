import type { Check } from '../../check.ts';
import { ofVectors, reached } from '../../of-served-store.ts';
import { text } from '../../text.ts';

export const vectorsReachable: Check = {
  ...ofVectors,
  id: 'vectors.reachable',
  title: text('Milvus', 'Milvus'),
  symptom: text(
    '"Milvus at … cannot be used", searches fail',
    '提示 “Milvus at … cannot be used”，搜索失败',
  ),
  hint: text(
    'Start Milvus or correct MILVUS_HOST and MILVUS_PORT; it needs a minute after its own start.',
    '启动 Milvus 或改正 MILVUS_HOST、MILVUS_PORT；它启动后需要约一分钟才就绪。',
  ),
  needs: ['host.store-names'],
  run: ({ probes }) =>
    reached(
      () => probes.vectors(),
      text(
        'Milvus asks for a user; let Llamp in without one.',
        'Milvus 要求认证；请允许 Llamp 免认证访问。',
      ),
    ),
};
