import { resolve } from 'node:path';
import { StartError } from './lib/start-error.ts';

const SENTENCES: Readonly<Record<string, (path: string) => string>> = {
  EDQUOT: (path) => `the disk quota for ${path} is used up; raise it, or move LLAMP_DATA_DIR`,
  EROFS: (path) =>
    `${path} is on a read-only file system; set LLAMP_DATA_DIR to a folder to write to`,
  EACCES: (path) => `${path} may not be written by this user; change its owner, or LLAMP_DATA_DIR`,
  EPERM: (path) => `${path} may not be written by this user; change its owner, or LLAMP_DATA_DIR`,
};

// Errors of the data folder's lock; their messages are whole sentences for people already.
const SELF_EXPLAINING = ['DataFolderInUseError', 'DataFolderError', 'SchemaError'];

/** A known reason as one sentence; anything else comes back as it is, with its stack. */
export function startFailure(error: unknown, dataDirectory: string): unknown {
  if (!(error instanceof Error) || error instanceof StartError) return error;
  if (SELF_EXPLAINING.includes(error.name)) {
    return new StartError(error.message, { cause: error });
  }
  if (saysDiskFull(error)) return diskFullError(dataDirectory, error);
  const sentence = SENTENCES[systemCodeOf(error)]?.(pathOf(error) ?? dataDirectory);
  return sentence === undefined ? error : new StartError(sentence, { cause: error });
}

export function diskFullError(directory: string, cause: unknown): StartError {
  const path = resolve(directory);
  return new StartError(
    `the disk that holds ${path} is full; free some space, or move LLAMP_DATA_DIR`,
    { cause },
  );
}

/** Why the server cannot listen, where that is known. */
export function listenFailure(
  error: unknown,
  { host, port, metricsPort }: { host: string; port: number; metricsPort?: number },
): unknown {
  if (!(error instanceof Error)) return error;
  // Both listeners fail alike; the error itself knows which one it is about.
  const failedPort = (error as { port?: unknown }).port ?? port;
  const isMetrics = failedPort === metricsPort;
  const variable = isMetrics ? 'LLAMP_METRICS_PORT' : 'LLAMP_PORT';
  const sentences: Record<string, string> = {
    EADDRINUSE: `port ${failedPort} on ${host} is in use; stop the other program or set ${variable}`,
    EACCES: `port ${failedPort} may not be opened by this user; set ${variable} to 1024 or more`,
    EADDRNOTAVAIL: `this machine has no address ${host}; correct LLAMP_HOST`,
    ENOTFOUND: `the host name ${host} is not known; correct LLAMP_HOST`,
  };
  const sentence = sentences[systemCodeOf(error)];
  return sentence === undefined ? error : new StartError(sentence, { cause: error });
}

// PostgreSQL reports it by class 53100 or, from its log, in the words of the operating system.
function saysDiskFull(error: Error): boolean {
  const { code, sqlState } = error as { code?: unknown; sqlState?: unknown };
  if (code === 'ENOSPC' || sqlState === '53100') return true;
  if (error.message.includes('No space left on device')) return true;
  return error.cause instanceof Error && saysDiskFull(error.cause);
}

function systemCodeOf(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== undefined && code in SENTENCES) return code;
  if (error.cause instanceof Error) return systemCodeOf(error.cause);
  return code ?? '';
}

function pathOf(error: Error): string | undefined {
  return (error as NodeJS.ErrnoException).path;
}
