import type { FuzzAnswer, FuzzRequest } from './send.ts';

// The request as a whole is at fault then, no field of it.
const CODES_WITHOUT_FIELD = new Set(['invalid_json', 'invalid_request', 'invalid_form']);
// Our own words never hold these; what a client sent may be quoted, so longer tells than single words.
const LEAKS =
  /node_modules|\bat \w[\w.]* \(|\.ts:\d|select .{1,80} from |insert into \w+ \(|syntax error at or near|violates \w+ constraint|Cannot read propert|is not a function/;

/** What is wrong with an answer, whatever was asked; undefined for a right one. */
export function faultOf(
  { method, url }: FuzzRequest,
  { status, headers, text }: FuzzAnswer,
  stableCodes: ReadonlySet<string>,
): string | undefined {
  if (typeof headers['x-request-id'] !== 'string') return 'no request id';
  // Health tells of an outage with that status; it refuses nothing.
  if (status === 503 && url.startsWith('/health')) return undefined;
  if (status >= 500 && !(status === 503 && headers['retry-after'] !== undefined))
    return `status ${status}`;
  if (method === 'HEAD') return undefined;
  const isJson = /^application\/json/.test(String(headers['content-type']));
  if (status < 400)
    return isJson && parsed(text) === undefined ? 'the answer is no JSON' : undefined;
  if (!isJson) return `an error as ${headers['content-type']}`;
  return faultOfError(status, url, parsed(text), stableCodes);
}

function faultOfError(
  status: number,
  url: string,
  body: Record<string, unknown> | undefined,
  stableCodes: ReadonlySet<string>,
): string | undefined {
  const error = isAnthropic(url) ? fromAnthropic(body) : body?.['error'];
  if (typeof error !== 'object' || error === null) return 'no error object';
  const { message, type, param, code } = error as Record<string, unknown>;
  if (typeof message !== 'string' || !/\S/.test(message)) return 'no message';
  if (typeof type !== 'string') return 'no type';
  if (typeof code !== 'string' || !stableCodes.has(code)) return `unknown code ${code}`;
  if (LEAKS.test(message)) return 'the message tells of our insides';
  if (param !== null && typeof param !== 'string') return `param is ${typeof param}`;
  const isWhole = CODES_WITHOUT_FIELD.has(code) || message.includes('the request body');
  if (status === 400 && param === null && !isWhole) return `${code} without param`;
  return undefined;
}

const isAnthropic = (url: string) => /\/messages(\/count_tokens)?\/?(\?|$)/.test(url);

// An unknown path or a wrong method under these routes may be answered in either dialect.
function fromAnthropic(body: Record<string, unknown> | undefined): unknown {
  const error = body?.['error'] as Record<string, unknown> | undefined;
  const details = error?.['details'] as Record<string, unknown> | undefined;
  if (details === undefined) return error;
  return { ...error, code: details['error_code'], param: details['param'] };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
