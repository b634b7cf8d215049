/** A file that cannot become text, by its own fault; the reasons are those of the OpenAI API. */
export class ParseFailure extends Error {
  readonly code: 'unsupported_file' | 'invalid_file';
  constructor(code: 'unsupported_file' | 'invalid_file', message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ParseFailure';
    this.code = code;
  }
}
