import { hostname } from 'node:os';
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import type { Log } from './log.ts';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly serviceName: string;
  readonly serviceVersion: string;
  /** Standard output by default. */
  readonly destination?: DestinationStream;
}

const SECRET_FIELDS = new Set([
  'authorization',
  'cookie',
  'apiKey',
  'accessKey',
  'secretKey',
  'password',
  'token',
  'secret',
  'key',
]);
const MASK = '[redacted]';
// A write for every line would cost a busy server more than the line; warnings and errors do not wait.
const GATHERED_BYTES = 8_192;
const FLUSH_MS = 100;
// One of these is in every text that the pattern finds; looking for them costs a tenth of it.
const SECRET_MARKS = ['sk-', 'Bearer ', '://', 'PRIVATE KEY'];
// The second net: what looks like a secret inside any text of a line.
const SECRET_TEXT =
  /\bsk-[A-Za-z0-9_-]{8,}|\bBearer [^\s"\\]+|(:\/\/[^\s:/"@\\]*):[^\s/"@\\]+@|-----BEGIN [A-Z ]*PRIVATE KEY-----[^"]*/g;

/** One line of JSON with ECS field names for each entry. */
export function createLog(options: LogOptions): Log {
  const destination = pino.destination({
    fd: 1,
    sync: false,
    minLength: GATHERED_BYTES,
    periodicFlush: FLUSH_MS,
  });
  const base = {
    'ecs.version': '8.17.0',
    'service.name': options.serviceName,
    'service.version': options.serviceVersion,
    'service.node.name': hostname(),
    'process.pid': process.pid,
  };
  const logger = pino(
    {
      level: options.level,
      messageKey: 'message',
      timestamp: timeText,
      base,
      formatters: {
        level: (label) => ({ 'log.level': label }),
        log: (fields) => withoutSecrets(withErrorFields(fields)),
      },
      hooks: { streamWrite: maskSecretText },
    },
    options.destination ?? destination,
  );
  const isPlain = options.destination === undefined;
  return logOf(logger, {
    bound: boundText(base),
    write: (line) => (options.destination ?? destination).write(line),
    flush: () => (isPlain ? destination.flush() : undefined),
  });
}

/** Hides what looks like a key, a bearer token, a password in a URL or a private key. */
export function maskSecretText(line: string): string {
  if (!SECRET_MARKS.some((mark) => line.includes(mark))) return line;
  return line.replace(SECRET_TEXT, (_found, beforePassword: string | undefined) =>
    beforePassword === undefined ? MASK : `${beforePassword}:${MASK}@`,
  );
}

interface LineOutput {
  /** What every line of this logger holds, as JSON members behind a comma. */
  readonly bound: string;
  readonly write: (line: string) => void;
  readonly flush: () => void;
}

function logOf(logger: Logger, output: LineOutput): Log {
  const { bound, write, flush } = output;
  const informs = logger.isLevelEnabled('info');
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => {
      const members = informs ? flatMembers(fields) : undefined;
      if (members === undefined) logger.info(fields, message);
      else write(maskSecretText(infoLine(bound + members, message)));
    },
    warn: (fields, message) => {
      logger.warn(fields, message);
      flush();
    },
    error: (fields, message) => {
      logger.error(fields, message);
      flush();
    },
    child: (fields) => {
      const shown = withoutSecrets(fields as Record<string, unknown>);
      return logOf(logger.child(shown), { ...output, bound: bound + boundText(shown) });
    },
  };
}

const timeText = () => `,"@timestamp":${stdTimeFunctions.isoTime().slice(',"time":'.length)}`;

const infoLine = (members: string, message: string) =>
  `{"log.level":"info"${timeText()}${members},"message":${JSON.stringify(message)}}\n`;

/** The members of an object behind a comma, to go into the middle of another. */
const boundText = (fields: object) => {
  const text = JSON.stringify(fields);
  return text === '{}' ? '' : `,${text.slice(1, -1)}`;
};

/**
 * The usual line, one for every request, by hand: the library takes four times as long for it. Undefined for fields that
 * need more than that: errors, objects, names of secrets.
 */
function flatMembers(fields: object): string | undefined {
  let members = '';
  for (const [name, value] of Object.entries(fields)) {
    if (SECRET_FIELDS.has(name)) return undefined;
    if (typeof value === 'string') members += `,"${name}":${JSON.stringify(value)}`;
    else if (value === null || typeof value === 'boolean') members += `,"${name}":${value}`;
    else if (Number.isFinite(value)) members += `,"${name}":${value}`;
    else if (value !== undefined) return undefined;
  }
  return members;
}

// By hand and two levels deep: pino's own redaction costs more than the rest of the line. Copied only when there is
// something to hide, since that is rare and the copy costs as much again.
function withoutSecrets(fields: Record<string, unknown>, depth = 0): Record<string, unknown> {
  let shown = fields;
  for (const name in fields) {
    const value = fields[name];
    const safe = safeValue(name, value, depth);
    if (safe === value) continue;
    if (shown === fields) shown = { ...fields };
    shown[name] = safe;
  }
  return shown;
}

function safeValue(name: string, value: unknown, depth: number): unknown {
  if (SECRET_FIELDS.has(name)) return MASK;
  return depth === 0 && isPlainObject(value) ? withoutSecrets(value, depth + 1) : value;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && value.constructor === Object;
}

// Errors under these names become ECS fields, wherever they are logged.
function withErrorFields(fields: Record<string, unknown>): Record<string, unknown> {
  const thrown = fields['error'] ?? fields['err'];
  if (thrown === undefined) return fields;
  const { error: _error, err: _err, ...rest } = fields;
  // A value under `error` beside the names below it is a line that Elasticsearch drops.
  if (!(thrown instanceof Error)) return { ...rest, 'error.message': String(thrown) };
  return {
    ...rest,
    'error.type': thrown.name,
    'error.message': thrown.message,
    'error.stack_trace': stackOf(thrown),
  };
}

function stackOf(error: Error): string {
  const stack = error.stack ?? String(error);
  return error.cause instanceof Error ? `${stack}\ncaused by ${stackOf(error.cause)}` : stack;
}
