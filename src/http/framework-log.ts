import type { FastifyBaseLogger } from 'fastify';
import type { Log } from '../lib/log.ts';

/**
 * Our log in the shape that the framework wants, so that `request.log` carries the request id. The children are made
 * only when something is written, since most requests write nothing.
 */
export function frameworkLog(log: Log): FastifyBaseLogger {
  return loggerOf(() => log);
}

function loggerOf(resolve: () => Log): FastifyBaseLogger {
  let resolved: Log | undefined;
  const log = () => {
    resolved ??= resolve();
    return resolved;
  };
  const writer =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (first: unknown, message?: unknown): void => {
      if (typeof first === 'string') log()[level]({}, first);
      else log()[level](fieldsOf(first), typeof message === 'string' ? message : '');
    };
  const ignore = (): void => undefined;
  const logger = {
    level: 'info',
    fatal: writer('error'),
    error: writer('error'),
    warn: writer('warn'),
    info: writer('info'),
    debug: writer('debug'),
    trace: ignore,
    silent: ignore,
    child: (bindings: object) => loggerOf(() => log().child(bindings)),
  };
  // The framework's type lists all of pino; it calls only these.
  return logger as unknown as FastifyBaseLogger;
}

function fieldsOf(first: unknown): object {
  if (first instanceof Error) return { error: first };
  return typeof first === 'object' && first !== null ? first : {};
}
