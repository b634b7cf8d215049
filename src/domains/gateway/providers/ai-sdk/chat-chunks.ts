import type { LanguageModelV4StreamPart } from '@ai-sdk/provider';
import type { JsonObject } from '../../field-checks.ts';
import { finishReason } from './finish-reason.ts';
import { generatedImage } from './generated-image.ts';
import { failureOfSdkError } from './map-sdk-error.ts';
import type { SdkVendor } from './sdk-vendor.ts';
import { ThinkingCollector } from './thinking-collector.ts';
import { ToolCallChunks } from './tool-call-chunks.ts';
import { usageObject } from './usage-object.ts';

export interface ChunkEnvelope {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
  /** The client asked for the usage event; then every other event carries a null. */
  readonly usageAsked: boolean;
}

type Finish = Extract<LanguageModelV4StreamPart, { type: 'finish' }>;

const DONE = 'data: [DONE]\n\n';

/**
 * The parts of an SDK's stream as events of OpenAI's. Nothing comes before the first content, not even the role: until
 * then another attempt may take over.
 */
export class ChatChunks {
  readonly #common: JsonObject;
  readonly #toolCalls = new ToolCallChunks();
  readonly #thinking: ThinkingCollector;
  #begun = false;

  constructor(envelope: ChunkEnvelope, vendor: SdkVendor) {
    const { id, created, model, usageAsked } = envelope;
    this.#common = {
      id,
      object: 'chat.completion.chunk',
      created,
      model,
      ...(usageAsked ? { usage: null } : {}),
    };
    this.#thinking = new ThinkingCollector(vendor);
  }

  /** The events for one part; empty for parts that OpenAI's API has no event for. Throws when the stream failed. */
  eventsOf(part: LanguageModelV4StreamPart): string {
    if (part.type === 'finish') return this.#finish(part);
    const delta = this.#deltaOf(part);
    return delta === undefined ? '' : this.#content(delta);
  }

  #deltaOf(part: LanguageModelV4StreamPart): JsonObject | undefined {
    switch (part.type) {
      case 'text-delta':
        return part.delta === '' ? undefined : { content: part.delta };
      case 'reasoning-start':
      case 'reasoning-delta':
      case 'reasoning-end':
        return this.#thinking.deltaOf(part);
      case 'tool-input-start':
      case 'tool-input-delta':
      case 'tool-call':
        return this.#toolCalls.deltaOf(part);
      case 'file':
        return { images: [generatedImage(part)] };
      case 'error':
        throw failureOfSdkError(part.error);
      default:
        return undefined;
    }
  }

  #content(delta: JsonObject): string {
    return this.#role() + this.#choice(delta, null);
  }

  #role(): string {
    if (this.#begun) return '';
    this.#begun = true;
    return this.#choice({ role: 'assistant', content: '', refusal: null }, null);
  }

  /** No end is made up: without a reason from the vendor the stream just stops, and counts as cut. */
  #finish(part: Finish): string {
    const reason = finishReason(part.finishReason);
    const end = reason === undefined ? '' : this.#role() + this.#choice({}, reason);
    const usage = usageObject(part.usage);
    const counted =
      usage === undefined ? '' : event({ ...this.#common, choices: [], usage: { ...usage } });
    return end + counted + (reason === undefined ? '' : DONE);
  }

  #choice(delta: JsonObject, finish_reason: string | null): string {
    const choice = { index: 0, delta, logprobs: null, finish_reason };
    return event({ ...this.#common, choices: [choice] });
  }
}

function event(json: JsonObject): string {
  return `data: ${JSON.stringify(json)}\n\n`;
}
