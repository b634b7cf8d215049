import type { LanguageModelV4StreamPart } from '@ai-sdk/provider';
import type { JsonObject } from '../../field-checks.ts';
import { extraContent } from './tool-call-object.ts';

type ToolPart = Extract<
  LanguageModelV4StreamPart,
  { type: 'tool-input-start' | 'tool-input-delta' | 'tool-call' }
>;

interface OpenCall {
  readonly index: number;
  hasArguments: boolean;
  hasExtra: boolean;
}

/** Tool calls of a stream: each with an index of its own; id, type and name once; then arguments. */
export class ToolCallChunks {
  readonly #calls = new Map<string, OpenCall>();

  deltaOf(part: ToolPart): JsonObject | undefined {
    // Tools of the vendor's own, which we never ask for; no client could answer them.
    if ('providerExecuted' in part && part.providerExecuted === true) return undefined;
    switch (part.type) {
      case 'tool-input-start':
        return this.#start(part.id, part.toolName, '', extraContent(part.providerMetadata));
      case 'tool-input-delta':
        return this.#arguments(part.id, part.delta);
      case 'tool-call':
        return this.#whole(part);
    }
  }

  #start(id: string, name: string, input: string, extra: JsonObject): JsonObject {
    const call = {
      index: this.#calls.size,
      hasArguments: input !== '',
      hasExtra: 'extra_content' in extra,
    };
    this.#calls.set(id, call);
    const { index } = call;
    const start = { index, id, type: 'function', function: { name, arguments: input } };
    return { tool_calls: [{ ...start, ...extra }] };
  }

  #arguments(id: string, input: string): JsonObject | undefined {
    const call = this.#calls.get(id);
    if (call === undefined || input === '') return undefined;
    call.hasArguments = true;
    return { tool_calls: [{ index: call.index, function: { arguments: input } }] };
  }

  /** Everything at once, or what the deltas left out: arguments of a call without any, and the signature. */
  #whole(part: Extract<ToolPart, { type: 'tool-call' }>): JsonObject | undefined {
    const { toolCallId, toolName, input, providerMetadata } = part;
    const extra = extraContent(providerMetadata);
    const call = this.#calls.get(toolCallId);
    const whole = input === '' ? '{}' : input;
    if (call === undefined) return this.#start(toolCallId, toolName, whole, extra);
    const rest = {
      ...(call.hasArguments ? {} : { function: { arguments: whole } }),
      ...(call.hasExtra ? {} : extra),
    };
    if (Object.keys(rest).length === 0) return undefined;
    call.hasArguments = true;
    return { tool_calls: [{ index: call.index, ...rest }] };
  }
}
