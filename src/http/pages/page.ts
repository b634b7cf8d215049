import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

export type Language = 'en' | 'zh';

/** Text that is safe inside HTML; only `html` and `joined` make it. */
export interface Html {
  readonly markup: string;
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --good: #1a7f4b; --bad: #c0392b; --link: #2f6feb; }
body { font: 16px/1.6 system-ui, "PingFang SC", "Microsoft YaHei", sans-serif; max-width: 46rem; margin: 0 auto; padding: 2.5rem 1.25rem; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.lead { opacity: .75; margin: 0 0 1.5rem; } a { color: var(--link); }
table { border-collapse: collapse; width: 100%; } td { border-top: 1px solid var(--line); padding: .4rem .25rem; }
td:last-child { text-align: right; } .good { color: var(--good); } .bad { color: var(--bad); }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .88rem; }
label { display: block; margin: 1rem 0 .25rem; } input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem .6rem; border: 1px solid var(--line); border-radius: 6px; }
button { font: inherit; margin-top: 1.5rem; padding: .55rem 1.4rem; border: 0; border-radius: 6px; background: var(--link); color: #fff; }
nav { float: right; font-size: .9rem; } .note { border-left: 3px solid var(--bad); padding-left: .75rem; }
`;
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
// The style is allowed by its hash; nothing is loaded from anywhere and nothing runs.
const CONTENT_SECURITY_POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A template whose values are escaped, except those that are HTML already. */
export function html(parts: TemplateStringsArray, ...values: (string | number | Html)[]): Html {
  const markup = parts.reduce((text, part, index) => {
    const value = values[index - 1];
    return text + (value === undefined ? '' : escaped(value)) + part;
  });
  return { markup };
}

export function joined(fragments: readonly Html[]): Html {
  return { markup: fragments.map((fragment) => fragment.markup).join('') };
}

function escaped(value: string | number | Html): string {
  if (typeof value === 'object') return value.markup;
  return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

/** `?lang=zh` or `?lang=en`, else what the browser prefers, else English. */
export function languageOf(request: FastifyRequest): Language {
  const { lang } = request.query as { lang?: unknown };
  if (lang === 'zh' || lang === 'en') return lang;
  const preferred = (request.headers['accept-language'] ?? '').toLowerCase().split(',');
  const first = preferred.find((tag) => /^\s*(zh|en)\b/.test(tag));
  return first?.trim().startsWith('zh') === true ? 'zh' : 'en';
}

export function sendPage(
  reply: FastifyReply,
  page: { language: Language; title: string; body: Html; status?: number },
): FastifyReply {
  const language = page.language === 'zh' ? 'zh-CN' : 'en';
  const document = html`<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${page.title}</title><style>${{ markup: STYLE }}</style></head>
<body>${page.body}</body></html>
`;
  return reply
    .code(page.status ?? 200)
    .header('content-security-policy', CONTENT_SECURITY_POLICY)
    .header('vary', 'accept-language')
    .type('text/html; charset=utf-8')
    .send(document.markup);
}
