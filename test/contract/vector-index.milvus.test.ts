import { openMilvusVectorIndex } from '../../src/adapters/vector-index/milvus.ts';
import { silentLog } from '../../src/lib/log.ts';
import { describeWithLegs } from '../support/legs.ts';
import { describeVectorIndex } from './vector-index.contract.ts';

describeWithLegs('milvus', ['milvus'], (addresses) => {
  const [host = '', port] = addresses['milvus']?.split(':') ?? [];
  const open = () => openMilvusVectorIndex({ host, port: Number(port), log: silentLog });
  describeVectorIndex('MilvusVectorIndex', { open, sharesInstances: true });
});
