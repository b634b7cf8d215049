import { parse } from 'node:querystring';
import type { FastifyInstance } from 'fastify';
import { toAppError } from '../error-response.ts';
import { type Html, html, type Language, languageOf, sendPage } from './page.ts';

const FORM_MAX_BYTES = 10_240;

const TEXTS = {
  en: {
    title: 'Set up the administrator',
    lead: 'This link works once. It sets the e-mail address and the password of the administrator.',
    token: 'Token of the link',
    email: 'E-mail address',
    name: 'Name',
    password: 'Password (12 to 128 characters)',
    submit: 'Set up',
    done: 'Done',
    keep: 'Keep this key now: it is not shown again.',
    home: 'Start page',
  },
  zh: {
    title: '设置管理员',
    lead: '此链接只能使用一次，用于设置管理员的邮箱和密码。',
    token: '链接中的令牌',
    email: '邮箱',
    name: '姓名',
    password: '密码（12 至 128 个字符）',
    submit: '确定',
    done: '设置完成',
    keep: '请立即保存此密钥，它不会再次显示。',
    home: '首页',
  },
} as const;

export interface SetupInput {
  readonly token: string;
  readonly email: string;
  readonly name: string;
  readonly password: string;
}

/** Redeems a one-time link and returns a new key. Rejects with an `AppError` whose message is for people. */
export type CompleteSetup = (input: SetupInput) => Promise<{ apiKey: string }>;

/** `/setup`: the form behind the one-time link. It works without scripts; the token is its protection. */
export function serveSetupPage(app: FastifyInstance, completeSetup: CompleteSetup): void {
  // The parser for forms is known in this scope only, so that no other route takes them from foreign pages.
  app.register(async (scope) => {
    scope.addContentTypeParser<string>(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: FORM_MAX_BYTES },
      (_request, body, done) => done(null, parse(body)),
    );
    const options = { config: { access: 'public' as const }, schema: { hide: true } };
    scope.get('/setup', options, async (request, reply) => {
      const language = languageOf(request);
      const input = inputOf(request.query);
      return sendPage(reply, page(language, setupForm(language, input)));
    });
    scope.post('/setup', options, async (request, reply) => {
      const language = languageOf(request);
      const input = inputOf(request.body);
      try {
        const { apiKey } = await completeSetup(input);
        return sendPage(reply, page(language, setupDone(language, apiKey)));
      } catch (thrown) {
        const error = toAppError(thrown);
        if (error.kind === 'unexpected') throw thrown;
        const body = setupForm(language, input, error.message);
        return sendPage(reply, { ...page(language, body), status: error.status });
      }
    });
  });
}

const page = (language: Language, body: Html) => ({
  language,
  title: `Llamp · ${TEXTS[language].title}`,
  body,
});

function setupForm(language: Language, input: SetupInput, mistake?: string): Html {
  const text = TEXTS[language];
  const note = mistake === undefined ? html`` : html`<p class="note">${mistake}</p>`;
  return html`<h1>${text.title}</h1><p class="lead">${text.lead}</p>${note}
<form method="post" action="/setup?lang=${language}">
${field('token', text.token, 'text', input.token)}
${field('email', text.email, 'email', input.email)}
${field('name', text.name, 'text', input.name)}
${field('password', text.password, 'password', '')}
<button>${text.submit}</button></form>`;
}

function field(name: string, label: string, type: string, value: string): Html {
  const autocomplete = type === 'password' ? 'new-password' : 'off';
  return html`<label for="${name}">${label}</label><input id="${name}" name="${name}" type="${type}" value="${value}" autocomplete="${autocomplete}" required>`;
}

function setupDone(language: Language, apiKey: string): Html {
  const text = TEXTS[language];
  return html`<h1>${text.done}</h1><p class="note">${text.keep}</p><pre>${apiKey}</pre><p><a href="/">${text.home}</a></p>`;
}

function inputOf(source: unknown): SetupInput {
  const fields = (source ?? {}) as Record<string, unknown>;
  const textOf = (name: string) => {
    const value = fields[name];
    return typeof value === 'string' ? value.trim() : '';
  };
  // Spaces belong to a password.
  const password = typeof fields['password'] === 'string' ? fields['password'] : '';
  return { token: textOf('token'), email: textOf('email'), name: textOf('name'), password };
}
