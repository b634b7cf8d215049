import { parentPort } from 'node:worker_threads';
import { ParseFailure } from '../text/parse-failure.ts';
import { prepareChunks, type PreparedFile, type PrepareTask } from '../text/prepare.ts';
import { createTokenizer } from '../text/tokenizer.ts';

export type WorkerAnswer =
  | { readonly outcome: 'done'; readonly file: PreparedFile }
  | { readonly outcome: 'refused'; readonly code: ParseFailure['code']; readonly message: string }
  | { readonly outcome: 'broken'; readonly error: unknown };

if (parentPort !== null) {
  const port = parentPort;
  const tokenizer = createTokenizer();
  port.on('message', async (task: PrepareTask) => {
    port.postMessage(await answer(task, tokenizer));
  });
}

async function answer(
  task: PrepareTask,
  tokenizer: ReturnType<typeof createTokenizer>,
): Promise<WorkerAnswer> {
  try {
    return { outcome: 'done', file: await prepareChunks(task, tokenizer) };
  } catch (error) {
    if (error instanceof ParseFailure)
      return { outcome: 'refused', code: error.code, message: error.message };
    return { outcome: 'broken', error };
  }
}
