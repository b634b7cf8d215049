import type { FastifyInstance } from 'fastify';
import { originOf, type People } from '../../domains/identity/index.ts';
import { httpError } from '../errors.ts';
import { type FormPage, serveFormPages } from './form-page.ts';
import { type Html, html, type Language } from './page.ts';

const NAME_LENGTH_MAX = 200;

const TEXTS = {
  en: {
    invitation: {
      title: 'Accept the invitation',
      lead: 'This link works once. Choose a name and a password; your e-mail address is known.',
      submit: 'Accept',
    },
    reset: {
      title: 'Set a new password',
      lead: 'This link works once. It ends every session that is open.',
      submit: 'Set password',
    },
    done: 'Done',
    signIn: 'You can sign in now with your e-mail address and this password.',
    address: 'E-mail address',
    home: 'Start page',
    colon: ': ',
  },
  zh: {
    invitation: {
      title: '接受邀请',
      lead: '此链接只能使用一次。请填写姓名和密码；系统已知您的邮箱。',
      submit: '接受',
    },
    reset: {
      title: '设置新密码',
      lead: '此链接只能使用一次。所有已打开的会话都会随之结束。',
      submit: '设置密码',
    },
    done: '完成',
    signIn: '现在可以用邮箱和此密码登录。',
    address: '邮箱',
    home: '首页',
    colon: '：',
  },
} as const;

/** `/accept-invitation` and `/reset-password`: the forms behind the links that people are given. */
export async function accountPages(
  app: FastifyInstance,
  people: Pick<People, 'invitations' | 'users'>,
): Promise<void> {
  serveFormPages(app, [invitationPage(people), resetPage(people)]);
}

function invitationPage({ invitations }: Pick<People, 'invitations'>): FormPage {
  return {
    path: '/accept-invitation',
    fields: ['token', 'name', 'password'],
    texts: { en: TEXTS.en.invitation, zh: TEXTS.zh.invitation },
    submit: async ({ token, name, password }, language, request) => {
      if (name === '' || name.length > NAME_LENGTH_MAX) throw wrongName();
      const user = await invitations.accept({ token, name, password }, originOf(request));
      return done(language, user.email);
    },
  };
}

function resetPage({ users }: Pick<People, 'users'>): FormPage {
  return {
    path: '/reset-password',
    fields: ['token', 'password'],
    texts: { en: TEXTS.en.reset, zh: TEXTS.zh.reset },
    submit: async ({ token, password }, language, request) => {
      await users.resetPassword({ token, password }, originOf(request));
      return done(language);
    },
  };
}

function done(language: Language, email?: string): Html {
  const text = TEXTS[language];
  const address =
    email === undefined ? html`` : html`<p>${text.address}${text.colon}<code>${email}</code></p>`;
  return html`<h1>${text.done}</h1>${address}<p>${text.signIn}</p><p><a href="/">${text.home}</a></p>`;
}

const wrongName = () =>
  httpError('invalid_value', `Give a name of 1 to ${NAME_LENGTH_MAX} characters.`, {
    param: 'name',
  });
