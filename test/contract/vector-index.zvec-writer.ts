import { openZvecVectorIndex } from '../../src/adapters/vector-index/zvec.ts';
import { silentLog } from '../../src/lib/log.ts';
import { CALL, makeRow, unitVector } from './vector-index.rows-support.ts';

// Run as a process of its own: inserts generations until it is killed and names each one that was acknowledged.
const index = await openZvecVectorIndex({ directory: process.argv[2] ?? '', log: silentLog });
await index.ensureCollection({ name: 'kb_kill', dimensions: 4 }, CALL);
for (let number = 0; number < 1000; number++) {
  const rows = Array.from({ length: 75 }, (_, ordinal) =>
    makeRow({ id: `gen_${number}.${ordinal}`, vector: unitVector(4, ordinal % 4) }),
  );
  await index.insert('kb_kill', rows, CALL);
  process.stdout.write(`gen_${number}\n`);
}
