import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { unknownType } from './untranslatable.ts';

/** Anthropic's tools and their choice as OpenAI's functions. Throws a 400 for tools that only Anthropic has. */
export function chatTools(tools: unknown, choice: unknown): JsonObject {
  if (!Array.isArray(tools) || tools.length === 0) return {};
  return { tools: tools.map(functionTool), ...choiceOf(choice) };
}

function functionTool(tool: JsonObject, index: number): JsonObject {
  const { type = 'custom', name, description, input_schema: parameters, strict } = tool;
  if (type !== null && type !== 'custom') throw unknownType(`tools[${index}]`, tool);
  return {
    type: 'function',
    function: {
      name,
      ...(typeof description === 'string' ? { description } : {}),
      parameters,
      ...(typeof strict === 'boolean' ? { strict } : {}),
    },
  };
}

function choiceOf(choice: unknown): JsonObject {
  if (!isJsonObject(choice)) return {};
  const { type, name, disable_parallel_tool_use: serial } = choice;
  return {
    tool_choice: chosen(type, name),
    ...(serial === true ? { parallel_tool_calls: false } : {}),
  };
}

function chosen(type: unknown, name: unknown) {
  if (type === 'any') return 'required';
  return type === 'tool' ? { type: 'function', function: { name } } : type;
}
