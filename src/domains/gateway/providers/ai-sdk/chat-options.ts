import type { LanguageModelV4, LanguageModelV4CallOptions } from '@ai-sdk/provider';
import { invalidValue } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import { promptOf } from './chat-prompt.ts';
import { refuseUnsupported, unsupported } from './refuse-fields.ts';
import type { SdkVendor } from './sdk-vendor.ts';
import { toolOptions } from './tool-options.ts';

type ResponseFormat = LanguageModelV4CallOptions['responseFormat'];
type Effort = NonNullable<LanguageModelV4CallOptions['reasoning']>;

const EFFORTS: ReadonlySet<unknown> = new Set<Effort>([
  'none',
  'minimal',
  'low',
  'medium',
  'high',
  'xhigh',
  'max',
]);

/** A chat request of the OpenAI API as a call of an SDK. Throws a 400 for what the vendor cannot express. */
export async function chatOptions(
  json: JsonObject,
  model: Pick<LanguageModelV4, 'supportedUrls'>,
  vendor: SdkVendor,
): Promise<LanguageModelV4CallOptions> {
  refuseUnsupported(json, vendor);
  const { title } = vendor;
  const takesUrl = urlTest(await model.supportedUrls);
  return {
    prompt: promptOf(json['messages'], { title, vendor, takesUrl }),
    ...sampling(json),
    ...toolOptions(json, title),
    responseFormat: responseFormat(json['response_format'], title),
    reasoning: reasoning(json['reasoning_effort']),
    providerOptions: vendor.chatOptions(json),
  };
}

function sampling(json: JsonObject): Partial<LanguageModelV4CallOptions> {
  return {
    maxOutputTokens: number(json['max_completion_tokens']) ?? number(json['max_tokens']),
    temperature: number(json['temperature']),
    topP: number(json['top_p']),
    seed: number(json['seed']),
    // Zero is OpenAI's "no penalty"; vendors without penalties would take it for a wish.
    frequencyPenalty: number(json['frequency_penalty']) || undefined,
    presencePenalty: number(json['presence_penalty']) || undefined,
    stopSequences: stopSequences(json['stop']),
  };
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function stopSequences(stop: unknown): string[] | undefined {
  if (typeof stop === 'string') return [stop];
  if (!Array.isArray(stop) || stop.length === 0) return undefined;
  return stop.filter((sequence) => typeof sequence === 'string');
}

function responseFormat(format: unknown, title: string): ResponseFormat {
  if (!isJsonObject(format)) return undefined;
  const { type, json_schema: wanted } = format;
  if (type === 'text') return { type };
  if (type === 'json_object') return { type: 'json' };
  if (type !== 'json_schema')
    throw unsupported('response_format.type', title, `the format '${String(type)}'`);
  const param = 'response_format.json_schema';
  if (!isJsonObject(wanted)) throw invalidValue(param, 'expected an object');
  const { schema, name, description } = wanted;
  if (!isJsonObject(schema)) throw invalidValue(`${param}.schema`, 'expected a schema');
  return {
    type: 'json',
    schema: schema as Extract<ResponseFormat, { type: 'json' }>['schema'],
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof description === 'string' ? { description } : {}),
  };
}

function reasoning(effort: unknown): Effort | undefined {
  if (effort === undefined || effort === null) return undefined;
  if (EFFORTS.has(effort)) return effort as Effort;
  throw invalidValue('reasoning_effort', `expected one of ${[...EFFORTS].join(', ')}`);
}

/** Which addresses the vendor fetches, by the table of its SDK: media types, with wildcards, to patterns. */
function urlTest(supported: Readonly<Record<string, readonly RegExp[]>>) {
  const patternsFor = (mediaType: string) => {
    const [group] = mediaType.split('/');
    return ['*', '*/*', `${group}/*`, mediaType].flatMap((key) => supported[key] ?? []);
  };
  return (url: string, mediaType: string) =>
    patternsFor(mediaType).some((pattern) => pattern.test(url));
}
