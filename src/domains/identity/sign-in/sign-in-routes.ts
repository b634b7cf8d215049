import type {} from '@fastify/swagger';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Static, Type } from 'typebox';
import type { SessionTokens, SignIn } from './sign-in.ts';

const strict = { additionalProperties: false };
const config = { access: 'public' as const };
const tags = ['sign-in'];

const SignInBody = Type.Object(
  {
    email: Type.String({ minLength: 3, maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: 128 }),
  },
  strict,
);
const RefreshBody = Type.Object(
  { refresh_token: Type.String({ minLength: 1, maxLength: 128 }) },
  strict,
);

/** Sessions by e-mail and password; register it under `/api/v1`. */
export async function signInRoutes(
  app: FastifyInstance,
  { signIn }: { signIn: SignIn },
): Promise<void> {
  app.post<{ Body: Static<typeof SignInBody> }>(
    '/auth/sign-in',
    { config, schema: { summary: 'Sign in and get tokens', tags, body: SignInBody } },
    async (request, reply) => {
      const { email, password } = request.body;
      return sendTokens(reply, await signIn.signIn({ email, password, address: request.ip }));
    },
  );
  app.post<{ Body: Static<typeof RefreshBody> }>(
    '/auth/refresh',
    { config, schema: { summary: 'Exchange a refresh token', tags, body: RefreshBody } },
    async (request, reply) => sendTokens(reply, await signIn.refresh(request.body.refresh_token)),
  );
  app.post<{ Body: Static<typeof RefreshBody> }>(
    '/auth/sign-out',
    { config, schema: { summary: 'End a session', tags, body: RefreshBody } },
    async (request, reply) => {
      await signIn.signOut(request.body.refresh_token);
      return reply.code(204).send();
    },
  );
}

/** The public keys of access tokens; register it at the root. */
export async function jwksRoute(app: FastifyInstance, { signIn }: { signIn: SignIn }) {
  const schema = { summary: 'Public keys of access tokens', tags };
  app.get('/.well-known/jwks.json', { config, schema }, async () => signIn.jwks());
}

function sendTokens(reply: FastifyReply, tokens: SessionTokens) {
  return reply.header('cache-control', 'no-store').send({
    object: 'session_tokens',
    access_token: tokens.accessToken,
    token_type: 'Bearer',
    expires_in: tokens.expiresInSeconds,
    refresh_token: tokens.refreshToken,
  });
}
