import type { FastifyReply, FastifyRequest } from 'fastify';
import { identityError } from '../errors.ts';
import { SESSION_IDLE_MS } from './refresh-token.ts';

const SECURE_NAME = '__Host-llamp_session';
const LOOPBACK_NAME = 'llamp_session';
const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;
const MAX_AGE_SECONDS = SESSION_IDLE_MS / 1000;

/** How browsers reach this installation. */
export interface BrowserAccess {
  /** Undefined: the address that the browser used. */
  readonly publicUrl: string | undefined;
}

/**
 * The refresh token of a browser, in a cookie that no script reads and no other site sends. Requests that carry it have to
 * come from a page of this installation.
 */
export class SessionCookie {
  readonly #publicOrigin: string | undefined;

  constructor({ publicUrl }: BrowserAccess) {
    this.#publicOrigin = publicUrl === undefined ? undefined : new URL(publicUrl).origin;
  }

  /** Throws unless a session in a cookie can be begun here, by a page of this installation. */
  requireAvailable(request: FastifyRequest): void {
    if (!this.#isSecure(request) && !isLoopback(request))
      throw identityError('session_needs_https', 'A session in a cookie needs https.', {
        param: 'session',
      });
    this.#requireOwnPage(request);
  }

  /** The refresh token that a page of this installation sent; undefined without a cookie. */
  read(request: FastifyRequest): string | undefined {
    const token = cookieValue(request.headers.cookie, this.#name(request));
    if (token !== undefined) this.#requireOwnPage(request);
    return token;
  }

  write(request: FastifyRequest, reply: FastifyReply, refreshToken: string): void {
    this.#send(request, reply, { value: refreshToken, maxAgeSeconds: MAX_AGE_SECONDS });
  }

  clear(request: FastifyRequest, reply: FastifyReply): void {
    this.#send(request, reply, { value: '', maxAgeSeconds: 0 });
  }

  #send(
    request: FastifyRequest,
    reply: FastifyReply,
    { value, maxAgeSeconds }: { value: string; maxAgeSeconds: number },
  ): void {
    const secure = this.#isSecure(request) ? '; Secure' : '';
    const attributes = `Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`;
    reply.header('set-cookie', `${this.#name(request)}=${value}; ${attributes}`);
  }

  #name(request: FastifyRequest): string {
    return this.#isSecure(request) ? SECURE_NAME : LOOPBACK_NAME;
  }

  // Behind a proxy that ends TLS the request itself may look like plain http.
  #isSecure(request: FastifyRequest): boolean {
    return request.protocol === 'https' || this.#publicOrigin?.startsWith('https:') === true;
  }

  #requireOwnPage(request: FastifyRequest): void {
    const { origin } = request.headers;
    const own = this.#publicOrigin ?? `${request.protocol}://${request.host}`;
    if (origin !== undefined && origin.toLowerCase() === own.toLowerCase()) return;
    throw identityError('wrong_origin', 'The request comes from no page of this installation.', {
      param: 'origin',
    });
  }
}

const isLoopback = (request: FastifyRequest) => LOOPBACK_HOST.test(request.host);

function cookieValue(header: string | undefined, name: string): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim());
  const found = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  return found === '' ? undefined : found;
}
