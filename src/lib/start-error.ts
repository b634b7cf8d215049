/** Why the application cannot start, in one sentence that says what to do. No stack is shown for it. */
export class StartError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StartError';
  }
}
