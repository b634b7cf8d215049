import type { Endpoint } from '../models/index.ts';
import { anthropicDialect } from './messages/anthropic-dialect.ts';
import { openAiDialect } from './openai-dialect.ts';
import type { StreamDialect } from './stream-dialect.ts';

/** The dialect that the answers of an endpoint are in, whoever gives them. */
export function dialectOf(endpoint: Endpoint): StreamDialect {
  return endpoint === 'messages' ? anthropicDialect : openAiDialect;
}
