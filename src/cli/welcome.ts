import type { Config } from '../config/config.ts';
import type { BootstrapResult } from '../domains/identity/index.ts';
import { BUILTIN_CHAT_MODEL } from '../domains/models/index.ts';

/** What a person reads once the server is ready. */
export function readyLines(url: string, config: Config): string[] {
  const lines = ['', `Llamp is ready: ${url} (start page), ${url}/v1 (API)`];
  if (config.upstream === undefined) {
    lines.push(
      'No upstream is set (OPENAI_API_KEY): the built-in models answer, as what they are.',
    );
  }
  return lines;
}

/** The secrets of a first start, shown only then; nothing on every later one. */
export function firstStartLines(url: string, firstStart: BootstrapResult): string[] {
  if (!firstStart.created) return [];
  const lines: string[] = [];
  if (firstStart.oneTimeToken !== null) {
    const link = oneTimeLinkUrl(url, firstStart.oneTimeToken);
    lines.push(`Administrator, once, within a day: ${link}`);
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
