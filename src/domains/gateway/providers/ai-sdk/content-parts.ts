import type { LanguageModelV4FilePart, LanguageModelV4TextPart } from '@ai-sdk/provider';
import { invalidValue } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import { unsupported } from './refuse-fields.ts';

export type ContentPart = LanguageModelV4TextPart | LanguageModelV4FilePart;

export interface ContentLimits {
  readonly title: string;
  /** True when the vendor fetches this address itself; we never do. */
  readonly takesUrl: (url: string, mediaType: string) => boolean;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  bmp: 'image/bmp',
  gif: 'image/gif',
  heic: 'image/heic',
  heif: 'image/heif',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
};
const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w-]+=[^;,]*)*;base64,/;

/** The content of a user's message: text, images and files. */
export function contentParts(
  content: unknown,
  param: string,
  limits: ContentLimits,
): readonly ContentPart[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) throw invalidValue(param, 'expected a string or an array');
  return content.map((part, index) => contentPart(part, `${param}[${index}]`, limits));
}

/** The content of a message that can hold nothing but text. */
export function textOf(content: unknown, param: string, title: string): string {
  if (content === undefined || content === null) return '';
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw invalidValue(param, 'expected a string or an array');
  return content.map((part, index) => textOfPart(part, `${param}[${index}]`, title)).join('');
}

function textOfPart(part: unknown, param: string, title: string): string {
  if (!isJsonObject(part)) throw invalidValue(param, 'expected an object');
  if (part['type'] === 'text') return textField(part, 'text', param);
  if (part['type'] === 'refusal') return textField(part, 'refusal', param);
  throw unsupported(`${param}.type`, title, `'${String(part['type'])}' here`);
}

function contentPart(part: unknown, param: string, limits: ContentLimits): ContentPart {
  if (!isJsonObject(part)) throw invalidValue(param, 'expected an object');
  switch (part['type']) {
    case 'text':
      return { type: 'text', text: textField(part, 'text', param) };
    case 'image_url':
      return imagePart(part['image_url'], `${param}.image_url`, limits);
    case 'file':
      return filePart(part['file'], `${param}.file`, limits);
    default:
      throw unsupported(`${param}.type`, limits.title, `'${String(part['type'])}'`);
  }
}

function imagePart(image: unknown, param: string, limits: ContentLimits): LanguageModelV4FilePart {
  const source = isJsonObject(image) ? image : { url: image };
  const url = textField(source, 'url', param);
  if (url.startsWith('data:')) return inlineFile(url, `${param}.url`);
  if (!URL.canParse(url)) throw invalidValue(`${param}.url`, 'expected a URL');
  const mediaType = mediaTypeOf(url);
  if (!limits.takesUrl(url, mediaType)) {
    throw unsupported(`${param}.url`, limits.title, 'an image by this address; send a data URL');
  }
  return { type: 'file', mediaType, data: { type: 'url', url: new URL(url) } };
}

function filePart(file: unknown, param: string, limits: ContentLimits): LanguageModelV4FilePart {
  if (!isJsonObject(file)) throw invalidValue(param, 'expected an object');
  if (file['file_data'] === undefined) {
    throw unsupported(`${param}.file_id`, limits.title, 'a stored file; send file_data');
  }
  const part = inlineFile(textField(file, 'file_data', param), `${param}.file_data`);
  return typeof file['filename'] === 'string' ? { ...part, filename: file['filename'] } : part;
}

function inlineFile(url: string, param: string): LanguageModelV4FilePart {
  const [head, mediaType] = DATA_URL.exec(url) ?? [];
  if (head === undefined || mediaType === undefined)
    throw invalidValue(param, 'expected a data URL in base64');
  return { type: 'file', mediaType, data: { type: 'data', data: url.slice(head.length) } };
}

// Vendors look at the bytes they fetch; the type only has to be one that they accept.
function mediaTypeOf(url: string): string {
  const extension = /\.(\w+)$/.exec(new URL(url).pathname)?.[1]?.toLowerCase();
  return MEDIA_TYPES[extension ?? ''] ?? 'image/jpeg';
}

function textField(object: JsonObject, key: string, param: string): string {
  const value = object[key];
  if (typeof value !== 'string') throw invalidValue(`${param}.${key}`, 'expected a string');
  return value;
}
