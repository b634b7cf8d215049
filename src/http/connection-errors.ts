import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../lib/log.ts';
import { errorEnvelope, retryHeaders } from './error-response.ts';
import { type HttpErrorCode, httpError } from './errors.ts';
import { newRequestId, requestIdOf } from './request-id.ts';

const CODES: Readonly<Record<string, [HttpErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers of the request are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['request_too_large', 'The chunk extensions are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request did not arrive in time.'],
};
const MALFORMED: [HttpErrorCode, string] = ['invalid_request', 'The request is not valid HTTP.'];

/** Answers what the HTTP parser rejects: no request object exists then, so the answer is written by hand. */
export function answerConnectionErrors(log: Log) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    // The other side is gone, or an answer is under way that a second one would corrupt.
    if (error.code === 'ECONNRESET' || !socket.writable || hasBegunAnswer(socket)) {
      socket.destroy();
      return;
    }
    const [code, message] = CODES[error.code ?? ''] ?? MALFORMED;
    const id = newRequestId();
    log.info(
      { 'http.request.id': id, 'error.code': code, reason: error.code },
      'a request was malformed',
    );
    socket.end(rawAnswer(code, message, id));
  };
}

/** Node answers an `Expect` header that it does not know by itself, without body and id; this one does not. */
export function answerUnknownExpectations(server: Server): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const error = httpError('expectation_failed', 'Only Expect: 100-continue is supported.');
    const body = JSON.stringify(errorEnvelope(error));
    response.writeHead(error.status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'x-request-id': requestIdOf(request),
      connection: 'close',
    });
    response.end(body);
  });
}

// Node keeps the response of a connection in this undocumented field; its own clientError default reads it too.
function hasBegunAnswer(socket: Socket): boolean {
  const { _httpMessage: message } = socket as Socket & { _httpMessage?: ServerResponse | null };
  return message?.headersSent === true;
}

function rawAnswer(code: HttpErrorCode, message: string, requestId: string): string {
  const error = httpError(code, message, { retryable: code === 'request_timeout' });
  const body = JSON.stringify(errorEnvelope(error));
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': requestId,
    ...retryHeaders(error),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  // An import of the module would load Node's own fetch with it: a tenth of a second of every start.
  const { STATUS_CODES } = process.getBuiltinModule('node:http');
  return `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\n${lines.join('')}\r\n${body}`;
}
