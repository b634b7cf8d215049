/** Exit codes of every command; operators' scripts rely on them. */
export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_WRONG_USAGE = 2;
/** sysexits' EX_CONFIG. */
export const EXIT_WRONG_CONFIGURATION = 78;

/** A failure that one sentence explains; no stack is printed. */
export class CommandError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT_FAILED) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
