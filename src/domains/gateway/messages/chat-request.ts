import type { Deployment } from '../../models/index.ts';
import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { chatMessages } from './chat-messages.ts';
import { chatTools } from './chat-tools.ts';
import { untranslatable } from './untranslatable.ts';

export interface ChatRequest {
  readonly json: JsonObject;
  /** Fields that the model will not hear of, although they may have changed its answer. */
  readonly ignored: readonly string[];
}

/** What a chat body has the same, or under another name. */
const RENAMED: Readonly<Record<string, string>> = {
  model: 'model',
  temperature: 'temperature',
  top_p: 'top_p',
  // Not OpenAI's, but most servers of its dialect know it; the others refuse it by name.
  top_k: 'top_k',
};
const TRANSLATED: ReadonlySet<string> = new Set([
  ...Object.keys(RENAMED),
  'max_tokens',
  'messages',
  'output_config',
  'stop_sequences',
  'stream',
  'system',
  'thinking',
  'tool_choice',
  'tools',
]);
/** Who asks, and what Anthropic shall remember: nothing that an answer depends on. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['metadata', 'cache_control']);
const REFUSED: Readonly<Record<string, string>> = {
  container: 'containers',
  mcp_servers: 'MCP servers',
};
/** OpenAI's reasoning models refuse the name that everybody else knows. */
const NAMES_COMPLETION_TOKENS = /^(o\d|gpt-([5-9]|\d\d))/;
/** OpenAI's models that do not reason refuse an effort, which Claude Code sends with every request. */
const TAKES_NO_EFFORT = /^(gpt-4|gpt-3\.5|chatgpt-)/;
/** Thinking budgets, in tokens, up to which an effort is meant. */
const LOW_BUDGET_MAX = 4_096;
const MEDIUM_BUDGET_MAX = 16_384;

/** A message request as a chat completion's. Throws a 400 for what has no counterpart. */
export function chatRequest(json: JsonObject, deployment: Deployment): ChatRequest {
  const ignored: string[] = [];
  const fields: Record<string, unknown> = {};
  for (const key in json) {
    const value = json[key];
    if (value === undefined || value === null || WITHOUT_EFFECT.has(key)) continue;
    if (REFUSED[key] !== undefined) throw untranslatable(key, REFUSED[key]);
    const renamed = RENAMED[key];
    if (renamed !== undefined) fields[renamed] = value;
    else if (!TRANSLATED.has(key)) ignored.push(key);
  }
  const limit = NAMES_COMPLETION_TOKENS.test(deployment.upstreamModel)
    ? 'max_completion_tokens'
    : 'max_tokens';
  const effort = effortOf(json['thinking'], json['output_config']);
  const takesEffort = !TAKES_NO_EFFORT.test(deployment.upstreamModel);
  if (effort !== undefined && !takesEffort) ignored.push('reasoning_effort');
  const chat = {
    ...fields,
    messages: chatMessages(json, deployment.provider),
    [limit]: json['max_tokens'],
    ...stopOf(json['stop_sequences']),
    ...chatTools(json['tools'], json['tool_choice']),
    ...(effort !== undefined && takesEffort ? { reasoning_effort: effort } : {}),
    ...formatOf(json['output_config']),
    ...(json['stream'] === true ? { stream: true, stream_options: { include_usage: true } } : {}),
  };
  return { json: chat, ignored };
}

function stopOf(sequences: unknown) {
  return Array.isArray(sequences) && sequences.length > 0 ? { stop: sequences } : {};
}

function effortOf(thinking: unknown, config: unknown): string | undefined {
  const { type, budget_tokens: budget } = isJsonObject(thinking) ? thinking : {};
  const effort = isJsonObject(config) ? config['effort'] : undefined;
  // One more than OpenAI's scale has.
  if (typeof effort === 'string') return effort === 'max' ? 'xhigh' : effort;
  if (type !== 'enabled' || typeof budget !== 'number') return undefined;
  if (budget <= LOW_BUDGET_MAX) return 'low';
  return budget <= MEDIUM_BUDGET_MAX ? 'medium' : 'high';
}

function formatOf(config: unknown) {
  const format = isJsonObject(config) ? config['format'] : undefined;
  if (!isJsonObject(format)) return {};
  if (format['type'] !== 'json_schema')
    throw untranslatable('output_config.format.type', `'${String(format['type'])}'`);
  const schema = { name: 'answer', schema: format['schema'], strict: true };
  return { response_format: { type: 'json_schema', json_schema: schema } };
}
