/** What the upstream answers, chosen by the name of the model: the one thing that every gateway passes on. */
export const MODELS = {
  small: 'bench-small',
  middle: 'bench-10k',
  large: 'bench-100k',
  stream: 'bench-stream',
  paced: 'bench-paced',
} as const;

export const CONTENT_FRAMES = 64;
/** With the frame that finishes and `[DONE]`; the one with usage is counted by itself. */
export const SHOWN_FRAMES = CONTENT_FRAMES + 2;
export const PACE_MS = 20;

const USAGE = '{"prompt_tokens":9,"completion_tokens":64,"total_tokens":73}';
const OBJECT = '"id":"chatcmpl-bench","created":1700000000,"model":"bench"';
const SENTENCE = 'A fox went down the road and came back with a story. ';

/** A chat completion of about `sizeBytes`. */
export function wholeAnswer(sizeBytes: number): Buffer {
  const text = SENTENCE.repeat(Math.ceil(sizeBytes / SENTENCE.length)).slice(0, sizeBytes);
  const message = `{"role":"assistant","content":"${text.trimEnd()}"}`;
  const choice = `{"index":0,"message":${message},"finish_reason":"stop"}`;
  return Buffer.from(
    `{${OBJECT},"object":"chat.completion","choices":[${choice}],"usage":${USAGE}}`,
  );
}

/** One content frame, numbered so that a lost or doubled one shows. */
export function contentFrame(index: number): string {
  const delta = `{"index":0,"delta":{"content":"#${index}. "},"finish_reason":null}`;
  return frame(`"choices":[${delta}]`);
}

/** The end of a stream. */
export function lastFrames(withUsage: boolean): string {
  const finish = frame('"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]');
  const usage = withUsage ? frame(`"choices":[],"usage":${USAGE}`) : '';
  return `${finish}${usage}data: [DONE]\n\n`;
}

const frame = (fields: string) =>
  `data: {${OBJECT},"object":"chat.completion.chunk",${fields}}\n\n`;
