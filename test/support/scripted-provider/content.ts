/** What the provider says: the same for the same request, with characters of one to four bytes. */
const WORDS = ['Hello', ' wörld', ' 你好', ' 🙂', ' again'];

export const CREATED = 1_700_000_000;

export interface Asked {
  readonly endpoint: 'chat' | 'completions';
  readonly model: string;
  readonly includeUsage: boolean;
  readonly choices: number;
}

export const wordAt = (index: number) => WORDS[index % WORDS.length] ?? '';

export function textOf(frames: number): string {
  return Array.from({ length: frames }, (_, index) => wordAt(index)).join('');
}

export function usageOf(frames: number) {
  return {
    prompt_tokens: 11,
    completion_tokens: frames,
    total_tokens: 11 + frames,
    prompt_tokens_details: { cached_tokens: 3, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 2, audio_tokens: 0 },
  };
}

export function wholeAnswer(asked: Asked, frames: number, withUsage: boolean) {
  const text = textOf(frames);
  const message = { role: 'assistant', content: text, refusal: null };
  const choices = Array.from({ length: asked.choices }, (_, index) => ({
    index,
    ...(asked.endpoint === 'chat' ? { message } : { text }),
    logprobs: null,
    finish_reason: 'stop',
  }));
  return {
    id: 'chatcmpl-scripted',
    object: asked.endpoint === 'chat' ? 'chat.completion' : 'text_completion',
    created: CREATED,
    model: asked.model,
    choices,
    ...(withUsage ? { usage: usageOf(frames) } : {}),
    x_unknown_field: { kept: true },
  };
}

export function chunk(asked: Asked, choice: object | undefined, usage?: object | null) {
  return {
    id: 'chatcmpl-scripted',
    object: asked.endpoint === 'chat' ? 'chat.completion.chunk' : 'text_completion',
    created: CREATED,
    model: asked.model,
    choices: choice === undefined ? [] : [choice],
    ...(usage === undefined ? {} : { usage }),
  };
}

export function textChoice(asked: Asked, text: string, finish: string | null) {
  const part =
    asked.endpoint === 'chat' ? { delta: text === '' ? {} : { content: text } } : { text };
  return { index: 0, ...part, logprobs: null, finish_reason: finish };
}

/** Deterministic, of the asked length, different for different texts. */
export function embedding(text: string, dimensions: number): number[] {
  return Array.from({ length: dimensions }, (_, index) => {
    const code = text.charCodeAt(index % Math.max(1, text.length)) || 1;
    return Math.fround(((code * (index + 1)) % 97) / 97);
  });
}
