import type { LanguageModelV4CallOptions, LanguageModelV4FunctionTool } from '@ai-sdk/provider';
import { invalidValue } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import { unsupported } from './refuse-fields.ts';

type ToolOptions = Pick<LanguageModelV4CallOptions, 'tools' | 'toolChoice'>;

/** Tools and the choice among them. */
export function toolOptions(json: JsonObject, title: string): ToolOptions {
  const given = Array.isArray(json['tools']) ? json['tools'] : [];
  const choice = json['tool_choice'];
  if (given.length === 0) {
    if (choice === undefined || choice === null || choice === 'auto' || choice === 'none')
      return {};
    throw invalidValue('tool_choice', 'there are no tools to choose from');
  }
  const tools = given.map((tool, index) => functionTool(tool, `tools[${index}]`, title));
  if (isJsonObject(choice) && choice['type'] === 'allowed_tools')
    return allowedTools(tools, choice);
  return { tools, toolChoice: toolChoice(choice, tools, title) };
}

function functionTool(tool: unknown, param: string, title: string): LanguageModelV4FunctionTool {
  if (!isJsonObject(tool)) throw invalidValue(param, 'expected an object');
  const { type, function: definition } = tool;
  if (type !== 'function') throw unsupported(`${param}.type`, title, `tools of type '${type}'`);
  if (!isJsonObject(definition)) throw invalidValue(`${param}.function`, 'expected an object');
  const { name, description, parameters, strict } = definition;
  if (typeof name !== 'string') throw invalidValue(`${param}.function.name`, 'expected a string');
  const schema = parameters ?? { type: 'object', properties: {} };
  if (!isJsonObject(schema))
    throw invalidValue(`${param}.function.parameters`, 'expected a schema');
  return {
    type: 'function',
    name,
    inputSchema: schema as LanguageModelV4FunctionTool['inputSchema'],
    ...(typeof description === 'string' ? { description } : {}),
    ...(typeof strict === 'boolean' ? { strict } : {}),
  };
}

function toolChoice(
  choice: unknown,
  tools: readonly LanguageModelV4FunctionTool[],
  title: string,
): ToolOptions['toolChoice'] {
  if (choice === undefined || choice === null) return undefined;
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { type: choice };
  if (!isJsonObject(choice)) {
    throw invalidValue(
      'tool_choice',
      "expected 'auto', 'none', 'required', or an object that names a function",
    );
  }
  if (choice['type'] !== 'function')
    throw unsupported('tool_choice.type', title, `the choice '${String(choice['type'])}'`);
  return { type: 'tool', toolName: namedTool(choice, 'tool_choice', tools) };
}

/** A choice among some of the tools is a choice among all of fewer tools. */
function allowedTools(
  tools: readonly LanguageModelV4FunctionTool[],
  choice: JsonObject,
): ToolOptions {
  const param = 'tool_choice.allowed_tools';
  const allowed = choice['allowed_tools'];
  if (!isJsonObject(allowed)) throw invalidValue(param, 'expected an object');
  const { mode, tools: list } = allowed;
  if (mode !== 'auto' && mode !== 'required')
    throw invalidValue(`${param}.mode`, "expected 'auto' or 'required'");
  if (!Array.isArray(list) || list.length === 0)
    throw invalidValue(`${param}.tools`, 'expected at least one tool');
  const names = list.map((tool, index) => namedTool(tool, `${param}.tools[${index}]`, tools));
  return { tools: tools.filter((tool) => names.includes(tool.name)), toolChoice: { type: mode } };
}

function namedTool(
  choice: unknown,
  param: string,
  tools: readonly LanguageModelV4FunctionTool[],
): string {
  const called = isJsonObject(choice) ? choice['function'] : undefined;
  const name = isJsonObject(called) ? called['name'] : undefined;
  const found = tools.find((tool) => tool.name === name);
  if (found === undefined)
    throw invalidValue(`${param}.function.name`, 'expected the name of one of the tools');
  return found.name;
}
