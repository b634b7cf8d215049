import type { LanguageModelV4File } from '@ai-sdk/provider';

/** A file that the model made, as the `images` of a message; OpenAI's chat API has no place for it. */
export function generatedImage({ mediaType, data }: LanguageModelV4File) {
  return { type: 'image_url', image_url: { url: addressOf(mediaType, data) } };
}

function addressOf(mediaType: string, data: LanguageModelV4File['data']): string {
  if (data.type === 'url') return data.url.href;
  const base64 =
    typeof data.data === 'string' ? data.data : Buffer.from(data.data).toString('base64');
  return `data:${mediaType};base64,${base64}`;
}
