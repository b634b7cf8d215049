import type {} from '@fastify/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { unixSeconds } from '../api-key.ts';
import { changerOf } from '../change.ts';
import { identityError } from '../errors.ts';
import type { BrowserAccess } from './session-cookie.ts';
import { SessionCookie } from './session-cookie.ts';
import type { SessionTokens, SignIn } from './sign-in.ts';

const strict = { additionalProperties: false };
const config = { access: 'public' as const };
const tags = ['sign-in'];
const Session = Type.Optional(
  Type.Enum(['token', 'cookie'], {
    description: '`cookie`: the refresh token is set as a cookie, for pages of this installation.',
  }),
);

const SignInBody = Type.Object(
  {
    email: Type.String({ minLength: 3, maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: 128 }),
    session: Session,
  },
  strict,
);
type SignInBody = Static<typeof SignInBody>;
const CodeBody = Type.Object(
  {
    ticket: Type.String({ minLength: 1, maxLength: 128 }),
    code: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'Of the authenticator, or a recovery code.',
    }),
    session: Session,
  },
  strict,
);
type CodeBody = Static<typeof CodeBody>;
const RefreshBody = Type.Object(
  {
    refresh_token: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: 'Left out by browsers whose session is a cookie.',
      }),
    ),
  },
  strict,
);
type RefreshBody = Static<typeof RefreshBody>;

/** Sessions by e-mail, password and code; register it under `/api/v1`. */
export async function signInRoutes(
  app: FastifyInstance,
  { signIn, publicUrl }: { signIn: SignIn } & BrowserAccess,
): Promise<void> {
  const cookie = new SessionCookie({ publicUrl });
  stepRoutes(app, signIn, cookie);
  refreshRoute(app, signIn, cookie);
  signOutRoute(app, signIn, cookie);
}

function stepRoutes(app: FastifyInstance, signIn: SignIn, cookie: SessionCookie): void {
  app.post<{ Body: SignInBody }>(
    '/auth/sign-in',
    { config, schema: { summary: 'Sign in and get tokens', tags, body: SignInBody } },
    async (request, reply) => {
      const { email, password, session } = request.body;
      if (session === 'cookie') cookie.requireAvailable(request);
      const result = await signIn.signIn({ email, password, ...originIn(request) });
      if (result.kind === 'ticket') return sendTicket(reply, result);
      return sendTokens(reply, result.tokens, session === 'cookie' ? { request, cookie } : null);
    },
  );
  app.post<{ Body: CodeBody }>(
    '/auth/sign-in/code',
    { config, schema: { summary: 'Second step: show a code', tags, body: CodeBody } },
    async (request, reply) => {
      const { ticket, code, session } = request.body;
      if (session === 'cookie') cookie.requireAvailable(request);
      const tokens = await signIn.completeSignIn({ ticket, code, ...originIn(request) });
      return sendTokens(reply, tokens, session === 'cookie' ? { request, cookie } : null);
    },
  );
}

function refreshRoute(app: FastifyInstance, signIn: SignIn, cookie: SessionCookie): void {
  app.post<{ Body: RefreshBody }>(
    '/auth/refresh',
    {
      config,
      schema: { summary: 'Exchange a refresh token', tags, body: RefreshBody },
      preValidation: emptyBodyAllowed,
    },
    async (request, reply) => {
      const { refresh_token: token } = request.body;
      if (token !== undefined) return sendTokens(reply, await signIn.refresh(token), null);
      const kept = cookie.read(request);
      if (kept === undefined) throw noRefreshToken();
      return sendTokens(reply, await signIn.refresh(kept), { request, cookie });
    },
  );
}

function signOutRoute(app: FastifyInstance, signIn: SignIn, cookie: SessionCookie): void {
  app.post<{ Body: RefreshBody }>(
    '/auth/sign-out',
    {
      config,
      schema: { summary: 'End a session', tags, body: RefreshBody },
      preValidation: emptyBodyAllowed,
    },
    async (request, reply) => {
      const { refresh_token: token } = request.body;
      const kept = token === undefined ? cookie.read(request) : undefined;
      const ending = token ?? kept;
      if (ending === undefined) throw noRefreshToken();
      await signIn.signOut(ending);
      if (kept !== undefined) cookie.clear(request, reply);
      return reply.code(204).send();
    },
  );
}

/** The next key that signs access tokens, for who runs the installation; register it under `/api/v1`. */
export function signingKeyRoute(app: FastifyInstance, { signIn }: { signIn: SignIn }): void {
  app.post(
    '/auth/signing-keys/rotate',
    {
      config: { access: { action: 'operations.write' } },
      schema: { summary: 'Publish the next key that signs access tokens', tags },
    },
    async (request) => {
      const key = await signIn.rotateSigningKey(changerOf(request));
      return {
        id: key.id,
        object: 'signing_key',
        created_at: unixSeconds(key.created_at),
        active_from: unixSeconds(key.active_from),
      };
    },
  );
}

/** The public keys of access tokens; register it at the root. */
export async function jwksRoute(app: FastifyInstance, { signIn }: { signIn: SignIn }) {
  const schema = { summary: 'Public keys of access tokens', tags };
  app.get('/.well-known/jwks.json', { config, schema }, async () => signIn.jwks());
}

const originIn = (request: FastifyRequest) => ({
  address: request.ip,
  userAgent: request.headers['user-agent'] ?? null,
});

async function emptyBodyAllowed(request: FastifyRequest): Promise<void> {
  request.body ??= {};
}

function sendTicket(reply: FastifyReply, result: { ticket: string; expiresInSeconds: number }) {
  return reply.header('cache-control', 'no-store').send({
    object: 'mfa_required',
    mfa_required: true,
    ticket: result.ticket,
    expires_in: result.expiresInSeconds,
  });
}

function sendTokens(
  reply: FastifyReply,
  tokens: SessionTokens,
  kept: { request: FastifyRequest; cookie: SessionCookie } | null,
) {
  kept?.cookie.write(kept.request, reply, tokens.refreshToken);
  return reply.header('cache-control', 'no-store').send({
    object: 'session_tokens',
    access_token: tokens.accessToken,
    token_type: 'Bearer',
    expires_in: tokens.expiresInSeconds,
    ...(kept === null ? { refresh_token: tokens.refreshToken } : {}),
  });
}

const noRefreshToken = () =>
  identityError('invalid_refresh_token', 'No refresh token was sent.', { param: 'refresh_token' });
