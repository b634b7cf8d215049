import { parse } from 'node:querystring';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { toAppError } from '../error-response.ts';
import { httpError } from '../errors.ts';
import { type Html, html, joined, type Language, languageOf, sendPage } from './page.ts';

const FORM_MAX_BYTES = 10_240;

export type FieldName = 'token' | 'email' | 'name' | 'password';
export type FormInput = Readonly<Record<FieldName, string>>;

export interface FormTexts {
  readonly title: string;
  readonly lead: string;
  readonly submit: string;
}

/** A form behind a one-time link. It works without scripts; the token is its protection. */
export interface FormPage {
  readonly path: string;
  readonly fields: readonly FieldName[];
  readonly texts: Readonly<Record<Language, FormTexts>>;
  /** Returns what the person sees then. Rejects with an `AppError` whose message is for people. */
  readonly submit: (input: FormInput, language: Language, request: FastifyRequest) => Promise<Html>;
}

const LABELS: Readonly<Record<Language, Readonly<Record<FieldName, string>>>> = {
  en: {
    token: 'Token of the link',
    email: 'E-mail address',
    name: 'Name',
    password: 'Password (12 to 128 characters)',
  },
  zh: {
    token: '链接中的令牌',
    email: '邮箱',
    name: '姓名',
    password: '密码（12 至 128 个字符）',
  },
};

/** The parser for forms is known in this scope only, so that no other route takes them from foreign pages. */
export function serveFormPages(app: FastifyInstance, pages: readonly FormPage[]): void {
  app.register(async (scope) => {
    scope.addContentTypeParser<string>(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: FORM_MAX_BYTES },
      (_request, body, done) => done(null, parse(body)),
    );
    for (const page of pages) serveFormPage(scope, page);
  });
}

function serveFormPage(scope: FastifyInstance, page: FormPage): void {
  const options = { config: { access: 'public' as const }, schema: { hide: true } };
  scope.get(page.path, options, async (request, reply) => {
    const language = languageOf(request);
    return send(reply, page, { language, body: formOf(page, language, inputOf(request.query)) });
  });
  scope.post(page.path, options, async (request, reply) => {
    const language = languageOf(request);
    const input = inputOf(request.body);
    try {
      refuseNul(input);
      return send(reply, page, { language, body: await page.submit(input, language, request) });
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.kind === 'unexpected') throw thrown;
      const body = formOf(page, language, input, error.message);
      return send(reply, page, { language, body, status: error.status });
    }
  });
}

function send(
  reply: FastifyReply,
  { texts }: FormPage,
  answer: { language: Language; body: Html; status?: number },
): FastifyReply {
  return sendPage(reply, { ...answer, title: `Llamp · ${texts[answer.language].title}` });
}

function formOf(page: FormPage, language: Language, input: FormInput, mistake?: string): Html {
  const text = page.texts[language];
  const note = mistake === undefined ? html`` : html`<p class="note">${mistake}</p>`;
  const fields = page.fields.map((name) => fieldOf(name, language, input));
  return html`<h1>${text.title}</h1><p class="lead">${text.lead}</p>${note}
<form method="post" action="${page.path}?lang=${language}">
${joined(fields)}
<button>${text.submit}</button></form>`;
}

function fieldOf(name: FieldName, language: Language, input: FormInput): Html {
  const isPassword = name === 'password';
  const type = isPassword || name === 'email' ? name : 'text';
  const autocomplete = isPassword ? 'new-password' : 'off';
  const value = isPassword ? '' : input[name];
  return html`<label for="${name}">${LABELS[language][name]}</label><input id="${name}" name="${name}" type="${type}" value="${value}" autocomplete="${autocomplete}" required>
`;
}

function refuseNul(input: FormInput): void {
  const param = Object.entries(input).find(([, text]) => text.includes('\0'))?.[0];
  if (param === undefined) return;
  throw httpError('invalid_value', `Invalid value for '${param}': U+0000 is not allowed.`, {
    param,
  });
}

function inputOf(source: unknown): FormInput {
  const fields = (source ?? {}) as Record<string, unknown>;
  const textOf = (name: string) => {
    const value = fields[name];
    return typeof value === 'string' ? value.trim() : '';
  };
  // Spaces belong to a password.
  const password = typeof fields['password'] === 'string' ? fields['password'] : '';
  return { token: textOf('token'), email: textOf('email'), name: textOf('name'), password };
}
