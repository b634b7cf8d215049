import type { AppError } from '../../../lib/app-error.ts';
import { gatewayError } from '../errors.ts';
import { isJsonObject } from '../field-checks.ts';
import { dataOf, FrameSplitter } from '../sse-frames.ts';
import { AnswerTexts } from './whole-inspection.ts';

/** Beyond it nothing is kept, and nothing is shown: the answer is no answer of a model. */
const HELD_BYTES_MAX = 16 * 1024 * 1024;

/**
 * The events of an answer that is checked as a whole: none is shown before the last one is here and `check` has passed.
 * `check` resolves with the error to show in place of them all.
 */
export async function* checkedStream(
  body: AsyncIterable<Uint8Array>,
  check: (texts: readonly string[]) => Promise<AppError | undefined>,
  errorEvent: (error: AppError) => Buffer,
): AsyncGenerator<Uint8Array, void, void> {
  const splitter = new FrameSplitter();
  const answer = new AnswerTexts();
  const held: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    held.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > HELD_BYTES_MAX) return yield errorEvent(tooLong());
    for (const frame of splitter.push(Buffer.from(chunk))) addTexts(answer, frame);
  }
  const error = await check(answer.texts);
  if (error === undefined) yield* held;
  else yield errorEvent(error);
}

const tooLong = () =>
  gatewayError('upstream_error', { message: 'The answer is too long to be checked.' });

function addTexts(answer: AnswerTexts, frame: Buffer): void {
  const data = dataOf(frame)?.toString('utf8');
  if (data === undefined || !data.startsWith('{')) return;
  try {
    const json: unknown = JSON.parse(data);
    if (isJsonObject(json)) answer.add(json);
  } catch {
    // What is no JSON says nothing that a client could read.
    return;
  }
}
