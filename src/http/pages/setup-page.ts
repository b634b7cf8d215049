import type { FastifyInstance } from 'fastify';
import { serveFormPages } from './form-page.ts';
import { type Html, html, type Language } from './page.ts';

const TEXTS = {
  en: {
    title: 'Set up the administrator',
    lead: 'This link works once. It sets the e-mail address and the password of the administrator.',
    submit: 'Set up',
    done: 'Done',
    keep: 'Keep this key now: it is not shown again.',
    home: 'Start page',
  },
  zh: {
    title: '设置管理员',
    lead: '此链接只能使用一次，用于设置管理员的邮箱和密码。',
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

/** `/setup`: the form behind the link of the first start. */
export function serveSetupPage(app: FastifyInstance, completeSetup: CompleteSetup): void {
  serveFormPages(app, [
    {
      path: '/setup',
      fields: ['token', 'email', 'name', 'password'],
      texts: TEXTS,
      submit: async (input, language) => setupDone(language, (await completeSetup(input)).apiKey),
    },
  ]);
}

function setupDone(language: Language, apiKey: string): Html {
  const text = TEXTS[language];
  return html`<h1>${text.done}</h1><p class="note">${text.keep}</p><pre>${apiKey}</pre><p><a href="/">${text.home}</a></p>`;
}
