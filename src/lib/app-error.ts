export type ErrorKind = 'user' | 'operational' | 'unexpected';

export interface AppErrorDetails {
  /** Stable, snake_case; listed in docs/errors.md. */
  readonly code: string;
  readonly status: number;
  readonly message: string;
  /** Path of the field at fault, for example `messages[0].content`. */
  readonly param?: string;
  /** OpenAI's `type`; by default derived from the status. */
  readonly type?: string;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
  /** Lower-case names; sent with the error. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
  /** What the log is told instead, where the message quotes others: that may hold what a client wrote. */
  readonly logMessage?: string;
}

/** Every failure that a client may see. One renderer turns it into the OpenAI error envelope. */
export class AppError extends Error {
  readonly code: string;
  readonly status: number;
  readonly param: string | undefined;
  readonly type: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly logMessage: string | undefined;
  #headers: Readonly<Record<string, string>>;
  constructor(details: AppErrorDetails) {
    super(details.message, { cause: details.cause });
    this.name = 'AppError';
    this.code = details.code;
    this.status = details.status;
    this.param = details.param;
    this.type = details.type ?? typeForStatus(details.status);
    this.retryable = details.retryable ?? false;
    this.retryAfterMs = details.retryAfterMs;
    this.logMessage = details.logMessage;
    this.#headers = details.headers ?? {};
  }

  /** What the client is told beside the error itself. */
  get headers(): Readonly<Record<string, string>> {
    return this.#headers;
  }

  /** For whoever learns on its way to the client what else it should know. */
  addHeaders(headers: Readonly<Record<string, string>>): void {
    this.#headers = { ...this.#headers, ...headers };
  }

  /** The client's mistake, a known trouble of the installation, or a defect of ours. */
  get kind(): ErrorKind {
    if (this.status < 500) return 'user';
    return this.code === 'internal_error' ? 'unexpected' : 'operational';
  }
}

// OpenAI answers 401, 403, 404 and 413 with `invalid_request_error`; clients match on the code.
function typeForStatus(status: number): string {
  if (status === 429) return 'rate_limit_error';
  if (status >= 500) return 'server_error';
  return 'invalid_request_error';
}

/** A row of a domain's error table; `docs/errors.md` is generated from these tables. */
export interface ErrorDefinition {
  readonly status: number;
  /** When it happens and what to do, for the documentation. */
  readonly description: string;
}
