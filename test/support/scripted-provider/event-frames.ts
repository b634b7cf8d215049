import { type Asked, chunk, textChoice, usageOf, wordAt } from './content.ts';
import type { Fault, Script } from './script.ts';

const GIANT_CHARACTERS = 1024 * 1024;

/** The events of a stream as text blocks without their blank line, up to where the fault strikes. */
export function* eventBlocks(asked: Asked, script: Script): Generator<string> {
  const { fault, frames } = script;
  if (fault === 'error-first') return yield errorBlock();
  if (fault === 'refusal-first') return yield block(REFUSAL);
  if (fault === 'empty') return;
  if (asked.endpoint === 'chat') yield block(roleChunk(asked, fault));
  for (let index = 0; index < frames; index += 1) {
    yield* decoration(fault);
    yield block(
      chunk(asked, textChoice(asked, wordAt(index), null), runningUsage(asked, fault, index)),
    );
  }
  yield* atFault(asked, fault);
  if (endsEarly(fault)) return;
  yield* ending(asked, script);
}

/** What a server says with status 200 of a prompt that is too long. */
export const REFUSAL = {
  error: {
    message: 'the prompt is too long',
    type: 'invalid_request_error',
    param: 'messages',
    code: 'context_length_exceeded',
  },
};

const errorBlock = () =>
  block({ error: { message: 'the engine died', type: 'server_error', param: null, code: null } });

function roleChunk(asked: Asked, fault: Fault) {
  const choice = { index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null };
  return chunk(asked, choice, runningUsage(asked, fault, 0));
}

function runningUsage(asked: Asked, fault: Fault, index: number): object | null | undefined {
  if (fault === 'usage-everywhere') return usageOf(index + 1);
  return asked.includeUsage && fault !== 'no-usage' ? null : undefined;
}

function* decoration(fault: Fault): Generator<string> {
  if (fault === 'noise') yield* ['data:', 'data: : ping'];
  if (fault === 'comments') yield* [': ping', 'event: note\nid: 7'];
}

function* atFault(asked: Asked, fault: Fault): Generator<string> {
  if (fault === 'malformed-frame') yield 'data: {"id": "chatcmpl-scripted", "choices": [{';
  if (fault === 'error-later') yield errorBlock();
  if (fault === 'giant-frame')
    yield block(chunk(asked, textChoice(asked, 'x'.repeat(GIANT_CHARACTERS), null)));
}

export function endsEarly(fault: Fault): boolean {
  return ['cut', 'early-end', 'stall', 'error-later', 'endless-frame', 'hang-after-head'].includes(
    fault,
  );
}

function* ending(asked: Asked, { fault, frames }: Script): Generator<string> {
  const finish = textChoice(asked, '', 'stop');
  const usage = usageOf(frames);
  if (fault === 'usage-in-finish') yield block(chunk(asked, finish, usage));
  else yield block(chunk(asked, finish, runningUsage(asked, fault, frames - 1)));
  const alone =
    asked.includeUsage && !['usage-in-finish', 'no-usage', 'usage-everywhere'].includes(fault);
  if (alone) yield block(chunk(asked, undefined, usage));
  if (fault !== 'no-done') yield 'data: [DONE]';
}

const block = (json: object) => `data: ${JSON.stringify(json)}`;
