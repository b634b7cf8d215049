import { hash } from 'node:crypto';
import type { Deployment } from '../../models/index.ts';
import { isJsonObject, type JsonObject } from '../field-checks.ts';

// The beginning tells conversations apart; hashing megabytes of pictures would not do it better.
const TEXT_MAX = 4_096;
const SPACE_32_BITS = 0x1_0000_0000;

/**
 * A number that stays the same for all calls of one conversation: from the key that the client gives for it, from its
 * user, or from how the conversation begins. Undefined when nothing tells.
 */
export function conversationSeed(projectId: string, json: JsonObject): number | undefined {
  const source = conversationOf(json);
  if (source === undefined) return undefined;
  return hash('sha256', `${projectId}\n${source}`, 'buffer').readUInt32LE(0);
}

function conversationOf(json: JsonObject): string | undefined {
  const { prompt_cache_key: cacheKey, user, metadata, messages } = json;
  if (isName(cacheKey)) return `key\n${cacheKey}`;
  if (isName(user)) return `user\n${user}`;
  // Where Anthropic's clients name the user.
  const userId = isJsonObject(metadata) ? metadata['user_id'] : undefined;
  if (isName(userId)) return `user\n${userId}`;
  return Array.isArray(messages) ? beginningOf(messages) : undefined;
}

const isName = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** Everything up to the first words of the user: later calls of the conversation repeat it. */
function beginningOf(messages: readonly unknown[]): string | undefined {
  let text = 'messages';
  for (const message of messages) {
    if (!isJsonObject(message)) continue;
    text += `\n${textOf(message['content'])}`;
    if (message['role'] === 'user') return text;
    if (text.length > TEXT_MAX) break;
  }
  return text === 'messages' ? undefined : text;
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content.slice(0, TEXT_MAX);
  if (!Array.isArray(content)) return '';
  const texts = content.map((part: unknown) => (isJsonObject(part) ? part['text'] : undefined));
  return texts
    .filter((text) => typeof text === 'string')
    .map((text) => text.slice(0, TEXT_MAX))
    .join('\n');
}

/**
 * The deployment of a conversation by weighted rendezvous hashing: one that leaves takes only its own conversations
 * along, and they come back with it.
 */
export function deploymentOfConversation(
  pool: readonly Deployment[],
  seed: number,
): Deployment | undefined {
  let best: Deployment | undefined;
  let bestScore = -1;
  for (const deployment of pool) {
    const drawn = (mixed(seed ^ hashOf(deployment.id)) + 0.5) / SPACE_32_BITS;
    const score = deployment.weight / -Math.log(drawn);
    if (score > bestScore) {
      best = deployment;
      bestScore = score;
    }
  }
  return best;
}

/** FNV-1a. */
function hashOf(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value;
}

/** The last step of MurmurHash3: neighbouring numbers end up far apart. */
function mixed(number: number): number {
  let value = number;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
