import { invalidValue } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import type { UpstreamRequest } from '../../provider.ts';
import { promptParts } from '../../token-estimate.ts';
import { messagesOf, stopSequences, textsOf } from './builtin-text.ts';
import { countTokens } from './count-tokens.ts';
import { extractAnswer } from './extract-answer.ts';
import { type LimitedText, limitText } from './limit-text.ts';

/** What the reader has to say to one request, before it is put into an envelope. */
export interface BuiltinAnswer {
  readonly choices: readonly LimitedText[];
  readonly usage: JsonObject;
}

export async function answerOf({ endpoint, json }: UpstreamRequest): Promise<BuiltinAnswer> {
  refuseWhatIsNotText(json);
  const answers = endpoint === 'completions' ? completionTexts(json) : [chatText(json)];
  const limits = { stop: stopSequences(json), tokensMax: tokensMax(json) };
  const limited = await Promise.all(answers.map((answer) => limitText(answer, limits)));
  const n = typeof json['n'] === 'number' ? json['n'] : 1;
  // The reader is deterministic, so more choices are more of the same.
  const choices = limited.flatMap((choice) => Array.from({ length: n }, () => choice));
  return { choices, usage: usageOf(await countTokens(promptParts(json).text), choices) };
}

const chatText = (json: JsonObject) => extractAnswer(messagesOf(json));

function completionTexts(json: JsonObject): string[] {
  const echo = json['echo'] === true;
  return textsOf(json, 'prompt').map((prompt) => {
    const answer = extractAnswer([{ role: 'user', text: prompt }]);
    return echo ? `${prompt}\n${answer}` : answer;
  });
}

function tokensMax(json: JsonObject): number | undefined {
  const limit = json['max_completion_tokens'] ?? json['max_tokens'];
  return typeof limit === 'number' ? limit : undefined;
}

function usageOf(promptTokens: number, choices: readonly LimitedText[]): JsonObject {
  const completionTokens = choices.reduce((sum, choice) => sum + choice.tokens, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

/** A reader of sentences cannot be made to write JSON or to call tools; saying so beats pretending. */
function refuseWhatIsNotText(json: JsonObject): void {
  const format = json['response_format'];
  if (isJsonObject(format) && format['type'] !== 'text')
    throw invalidValue('response_format', 'the built-in reader writes plain text only');
  const choice = json['tool_choice'];
  if (choice === 'required' || isJsonObject(choice))
    throw invalidValue('tool_choice', 'the built-in reader cannot call tools');
}
