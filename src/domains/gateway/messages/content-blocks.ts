import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { unknownType } from './untranslatable.ts';

/** A block of text or a picture as a part of OpenAI's. */
export function contentPart(block: JsonObject, param: string): JsonObject {
  if (block['type'] === 'text') return { type: 'text', text: block['text'] };
  if (block['type'] !== 'image') throw unknownType(param, block);
  return { type: 'image_url', image_url: { url: pictureUrl(block['source'], param) } };
}

function pictureUrl(source: unknown, param: string): unknown {
  const { type, media_type: mediaType, data, url } = isJsonObject(source) ? source : {};
  if (type === 'base64') return `data:${String(mediaType)};base64,${String(data)}`;
  if (type === 'url') return url;
  throw unknownType(`${param}.source`, { type });
}

/** The text of a string or of blocks that may only be text. */
export function plainText(content: unknown, param: string): string {
  if (!Array.isArray(content)) return typeof content === 'string' ? content : '';
  const texts = content.filter(isJsonObject).map((block, index) => {
    if (block['type'] !== 'text') throw unknownType(`${param}[${index}]`, block);
    return String(block['text']);
  });
  return texts.join('\n\n');
}

export interface ToolMessages {
  readonly message: JsonObject;
  /** Parts of a later message of the user: results of tools are text in OpenAI's API. */
  readonly pictures: readonly JsonObject[];
}

/** The result of a tool as OpenAI's. */
export function toolMessages(result: JsonObject, param: string): ToolMessages {
  const { tool_use_id: id, content, is_error: failed } = result;
  const blocks = Array.isArray(content) ? content.filter(isJsonObject) : [];
  const parts = blocks.map((block, index) => contentPart(block, `${param}.content[${index}]`));
  const pictures = parts.filter((part) => part['type'] !== 'text');
  const texts = parts.filter((part) => part['type'] === 'text').map((part) => part['text']);
  const text = typeof content === 'string' ? content : texts.join('\n\n');
  const message = {
    role: 'tool',
    tool_call_id: id,
    // No field says that a tool failed; the model has to read it.
    content: failed === true ? `Error: ${text}` : text,
  };
  if (pictures.length === 0) return { message, pictures };
  const title = { type: 'text', text: `Pictures in the result of the tool call ${String(id)}:` };
  return { message, pictures: [title, ...pictures] };
}
