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
// The second net: what looks like a secret inside any text of a line.
const SECRET_TEXT =
  /\bsk-[A-Za-z0-9_-]{8,}|\bBearer [^\s"\\]+|(:\/\/[^\s:/"@\\]*):[^\s/"@\\]+@|-----BEGIN [A-Z ]*PRIVATE KEY-----[^"]*/g;

/** One line of JSON with ECS field names for each entry. */
export function createLog(options: LogOptions): Log {
  const logger = pino(
    {
      level: options.level,
      messageKey: 'message',
      timestamp: () => `,"@timestamp":${stdTimeFunctions.isoTime().slice(',"time":'.length)}`,
      base: {
        'ecs.version': '8.17.0',
        'service.name': options.serviceName,
        'service.version': options.serviceVersion,
        'service.node.name': hostname(),
        'process.pid': process.pid,
      },
      formatters: {
        level: (label) => ({ 'log.level': label }),
        log: (fields) => withoutSecrets(withErrorFields(fields)),
      },
      hooks: { streamWrite: maskSecretText },
    },
    options.destination ?? pino.destination({ fd: 1, sync: false }),
  );
  return logOf(logger);
}

/** Hides what looks like a key, a bearer token, a password in a URL or a private key. */
export function maskSecretText(line: string): string {
  return line.replace(SECRET_TEXT, (_found, beforePassword: string | undefined) =>
    beforePassword === undefined ? MASK : `${beforePassword}:${MASK}@`,
  );
}

function logOf(logger: Logger): Log {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    child: (fields) => logOf(logger.child(withoutSecrets(fields as Record<string, unknown>))),
  };
}

// By hand and two levels deep: pino's own redaction costs more than the rest of the line.
function withoutSecrets(fields: Record<string, unknown>, depth = 0): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (SECRET_FIELDS.has(name)) shown[name] = MASK;
    else if (depth === 0 && isPlainObject(value)) shown[name] = withoutSecrets(value, depth + 1);
    else shown[name] = value;
  }
  return shown;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && value.constructor === Object;
}

// Errors under these names become ECS fields, wherever they are logged.
function withErrorFields(fields: Record<string, unknown>): Record<string, unknown> {
  const { error, err, ...rest } = fields;
  const thrown = error ?? err;
  if (!(thrown instanceof Error)) return fields;
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
