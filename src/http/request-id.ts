import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const ACCEPTED = /^[A-Za-z0-9._-]{8,128}$/;

/** The id that the client or the proxy chose, when it is harmless in logs and headers; else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const inbound = request.headers['x-request-id'];
  return typeof inbound === 'string' && ACCEPTED.test(inbound) ? inbound : newRequestId();
}

export function newRequestId(): string {
  // Node draws these from a pool; single random bytes cost a system call for every request.
  return `req_${randomUUID().replaceAll('-', '')}`;
}
