import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const ID_LENGTH = 32;
const DRAWN_BYTES = 4_096;
const ACCEPTED = /^[A-Za-z0-9._-]{8,128}$/;

/** The id that the client or the proxy chose, when it is harmless in logs and headers; else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const inbound = request.headers['x-request-id'];
  return typeof inbound === 'string' && ACCEPTED.test(inbound) ? inbound : newRequestId();
}

/** Unique for ever: 128 random bits. */
export const newRequestId = requestIdSource();

/** Digits are drawn in advance, for many ids at once: asking the kernel for each costs more than the rest. */
function requestIdSource(): () => string {
  let digits = '';
  let position = 0;
  return () => {
    if (position === digits.length) {
      digits = randomBytes(DRAWN_BYTES).toString('hex');
      position = 0;
    }
    const start = position;
    position += ID_LENGTH;
    return `req_${digits.slice(start, position)}`;
  };
}
