import type { Config } from '../config/config.ts';
import type { BootstrapResult } from '../domains/identity/index.ts';
import { BUILTIN_CHAT_MODEL } from '../domains/models/index.ts';

/** What a person reads once the server is ready; secrets only at the first start. */
export function welcome(url: string, firstStart: BootstrapResult, config: Config): string[] {
  const lines = ['', `Llamp is ready: ${url} (console page), ${url}/v1 (API)`];
  if (config.upstream === undefined) {
    lines.push(
      'No upstream is set (OPENAI_API_KEY): the built-in models answer, as what they are.',
    );
  }
  if (!firstStart.created) return [...lines, ''];
  if (firstStart.oneTimeToken !== null) {
    lines.push(
      `Administrator, once, within a day: ${oneTimeLinkUrl(url, firstStart.oneTimeToken)}`,
    );
  }
  if (firstStart.apiKey !== null) {
    lines.push(`First API key, shown only now: ${firstStart.apiKey}`, 'Try it:', '');
    lines.push(curlLine(url, firstStart.apiKey));
  }
  return [...lines, ''];
}

export function oneTimeLinkUrl(url: string, token: string): string {
  return `${url}/setup?token=${encodeURIComponent(token)}`;
}

function curlLine(url: string, apiKey: string): string {
  const body = JSON.stringify({
    model: BUILTIN_CHAT_MODEL,
    messages: [{ role: 'user', content: 'Hello' }],
  });
  return (
    `  curl ${url}/v1/chat/completions -H 'Authorization: Bearer ${apiKey}' ` +
    `-H 'Content-Type: application/json' -d '${body}'`
  );
}
