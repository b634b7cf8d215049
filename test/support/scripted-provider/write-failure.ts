import type { ServerResponse } from 'node:http';
import type { Script } from './script.ts';

/** Answers with the failure of the script; false when the request is to be answered. */
export function writeFailure(response: ServerResponse, script: Script): boolean {
  switch (script.fault) {
    case 'hang':
      return true;
    case 'reset':
      response.socket?.resetAndDestroy();
      return true;
    case 'garbage':
      response.socket?.end('this is not the protocol you are looking for\r\n\r\n');
      return true;
    case 'html-200':
      return page(response, 200);
    case 'html-502':
      return page(response, 502);
    case 'detail-400':
      return json(response, 400, { detail: 'temperature is odd' });
  }
  const status = /^status-(\d{3})$/.exec(script.fault)?.[1];
  if (status === undefined) return false;
  if (script.retryAfter >= 0) response.setHeader('retry-after', String(script.retryAfter));
  return json(response, Number(status), errorBody(status));
}

const CODES: Readonly<Record<string, string>> = {
  '400': 'context_length_exceeded',
  '401': 'invalid_api_key',
  '404': 'model_not_found',
  '429': 'rate_limit_exceeded',
};

function errorBody(status: string) {
  const type = status === '429' ? 'requests' : 'invalid_request_error';
  const param = status === '400' ? 'messages' : null;
  const message = `scripted failure ${status} for key sk-secret`;
  return { error: { message, type, param, code: CODES[status] ?? null } };
}

function page(response: ServerResponse, status: number): true {
  response.writeHead(status, { 'content-type': 'text/html' });
  response.end('<html><body>Bad day</body></html>');
  return true;
}

export function json(response: ServerResponse, status: number, body: object): true {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    'x-ratelimit-remaining-requests': '59',
    'openai-processing-ms': '7',
  });
  response.end(bytes);
  return true;
}
