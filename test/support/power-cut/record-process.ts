// Child process: runs the workload on one engine and writes down every file operation.
import fs from 'node:fs';
import { serialize } from 'node:v8';
import { FileRecorder } from './file-recorder.ts';
import { prepareWorkload, type RunSql, runWorkload } from './workload.ts';

const [engineName, directory = '', outputFile = '', transactions = '0'] = process.argv.slice(2);

// Everything before this counts as safely on disk.
const recorder = new FileRecorder(directory);
const run = engineName === 'plain' ? await openPlain() : await openDurable();
await runWorkload(run, (mark) => recorder.mark(mark), Number(transactions));
fs.writeFileSync(outputFile, serialize(recorder.operations));
// Without closing: the power fails while the engine runs.
process.exit(0);

async function openDurable(): Promise<RunSql> {
  const { PgliteEngine } = await import('../../../src/adapters/database/pglite-engine.ts');
  const onFailure = (error: unknown) => {
    throw error;
  };
  const engine = await PgliteEngine.open({ directory, onFailure });
  const runSql: RunSql = (sql) => engine.run({ sql, parameters: [] });
  await prepareWorkload(runSql);
  return runSql;
}

async function openPlain(): Promise<RunSql> {
  const { PGlite } = await import('@electric-sql/pglite');
  const engine = await PGlite.create(directory);
  const runSql: RunSql = (sql) => engine.exec(sql);
  await prepareWorkload(runSql);
  return runSql;
}
