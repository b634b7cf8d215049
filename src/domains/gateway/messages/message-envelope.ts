import type { JsonObject } from '../field-checks.ts';

/** What the answers to one call have in common. */
export interface Envelope {
  /** Of the upstream's answer. */
  readonly id: string;
  readonly model: string;
}

/** A message of Anthropic's with every field that its clients read. */
export function messageEnvelope(
  { id, model }: Envelope,
  fields: {
    content: readonly JsonObject[];
    stop?: StopFields;
    usage: JsonObject;
  },
): JsonObject {
  const { content, stop = NOT_STOPPED, usage } = fields;
  return {
    id: id.startsWith('msg_') ? id : `msg_${id.replace(/^chatcmpl-/, '')}`,
    type: 'message',
    role: 'assistant',
    model,
    content,
    ...stop,
    container: null,
    diagnostics: null,
    usage: {
      ...usage,
      cache_creation: null,
      inference_geo: null,
      service_tier: 'standard',
      speed: null,
    },
  };
}

export interface StopFields {
  readonly stop_reason: string | null;
  readonly stop_sequence: string | null;
  readonly stop_details: null;
}

const NOT_STOPPED: StopFields = { stop_reason: null, stop_sequence: null, stop_details: null };

/** `matched` is the text that some servers name as the reason of a stop. */
export function stopFields(
  finishReason: string,
  told: { called: boolean; matched: unknown },
): StopFields {
  const { called, matched } = told;
  if (finishReason === 'stop' && typeof matched === 'string' && matched !== '')
    return { ...NOT_STOPPED, stop_reason: 'stop_sequence', stop_sequence: matched };
  return { ...NOT_STOPPED, stop_reason: stopReason(finishReason, called) };
}

function stopReason(finishReason: string, called: boolean): string {
  switch (finishReason) {
    case 'length':
      return 'max_tokens';
    case 'content_filter':
      return 'refusal';
    case 'tool_calls':
    case 'function_call':
      return 'tool_use';
    default:
      // Some servers say "stop" where tools are called.
      return called ? 'tool_use' : 'end_turn';
  }
}
