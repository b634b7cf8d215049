import type { FastifyInstance } from 'fastify';
import { type CheckResult, type Health, type Readiness, readinessOf } from '../health.ts';
import { type Html, html, joined, type Language, languageOf, sendPage } from './page.ts';

const TEXTS = {
  en: {
    lead: 'Self-hosted LLM agent platform. An OpenAI-compatible API in front of many models, with knowledge bases.',
    other: '中文',
    state: 'State',
    states: {
      ok: 'everything answers',
      degraded: 'works, with a part missing',
      unavailable: 'cannot serve now',
      draining: 'stopping',
    },
    answers: 'answers',
    silent: 'does not answer',
    first: 'First call',
    firstText: 'Take the key that the first start printed, or one made with',
    address: 'Point an OpenAI client at',
    documents: 'Documents',
    api: 'Description of every route (OpenAPI)',
    health: 'State as JSON',
    colon: ': ',
    stop: '. ',
    names: {},
  },
  zh: {
    lead: '自托管的大模型智能体平台：在多个模型之前提供兼容 OpenAI 的接口，并内置知识库。',
    other: 'English',
    state: '运行状态',
    states: {
      ok: '各组件均正常应答',
      degraded: '可以使用，但有组件缺失',
      unavailable: '暂时无法提供服务',
      draining: '正在停止',
    },
    answers: '正常',
    silent: '无应答',
    first: '第一次调用',
    firstText: '使用首次启动时打印的密钥，或用以下命令新建一个：',
    address: '将 OpenAI 客户端的地址设为',
    documents: '文档',
    api: '全部接口的说明（OpenAPI）',
    health: '运行状态（JSON）',
    colon: '：',
    stop: '。',
    names: {
      database: '数据库',
      'blob store': '对象存储',
      'vector index': '向量索引',
      'ephemeral store': '临时存储',
    },
  },
} as const;

export interface HomePageOptions {
  readonly version: string;
  readonly health: Health;
  readonly isDraining: () => boolean;
  /** Undefined: the address that the browser used. */
  readonly publicUrl: string | undefined;
}

/** `/`: what runs here, how it is, and how to call it first. */
export function serveHomePage(app: FastifyInstance, options: HomePageOptions): void {
  const schema = { summary: 'Start page', tags: ['pages'], hide: true };
  app.get('/', { config: { access: 'public' }, schema }, async (request, reply) => {
    const language = languageOf(request);
    const checks = await options.health.results();
    const address = options.publicUrl ?? `${request.protocol}://${request.host}`;
    const readiness = readinessOf(checks, options.isDraining());
    const body = homePage({ language, version: options.version, address, checks, readiness });
    return sendPage(reply, { language, title: 'Llamp', body });
  });
}

function homePage(view: {
  language: Language;
  version: string;
  address: string;
  checks: readonly CheckResult[];
  readiness: Readiness;
}): Html {
  const text = TEXTS[view.language];
  const other = view.language === 'zh' ? 'en' : 'zh';
  return html`<nav><a href="/?lang=${other}">${text.other}</a></nav>
<h1>Llamp ${view.version}</h1>
<p class="lead">${text.lead}</p>
<h2>${text.state}${text.colon}${text.states[view.readiness]}</h2>
<table>${joined(view.checks.map((check) => checkRow(check, text)))}</table>
<h2>${text.first}</h2>
<p>${text.firstText} <code>llamp keys create</code>${text.stop}${text.address} <code>${view.address}/v1</code></p>
<pre>${firstCall(view.address)}</pre>
<h2>${text.documents}</h2>
<p><a href="/openapi.json">${text.api}</a> · <a href="/health">${text.health}</a></p>`;
}

function checkRow(check: CheckResult, text: (typeof TEXTS)[Language]): Html {
  const names: Readonly<Record<string, string>> = text.names;
  const name = names[check.name] ?? check.name;
  return check.status === 'ok'
    ? html`<tr><td>${name}</td><td class="good">${text.answers}</td></tr>`
    : html`<tr><td>${name}</td><td class="bad">${text.silent}</td></tr>`;
}

function firstCall(address: string): string {
  return `curl ${address}/v1/chat/completions \\
  -H "Authorization: Bearer $LLAMP_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "llamp-builtin", "messages": [{"role": "user", "content": "Hello"}]}'`;
}
