/** One thing to correct in the configuration file. It never shows a value, which may be a secret. */
export interface FileMistake {
  /** From 1; undefined when it is about the file as such. */
  readonly line: number | undefined;
  /** Path like `providers[0].base_url`; empty for the file as such. */
  readonly path: string;
  readonly reason: string;
}

/** All that is wrong with the configuration file, at once. */
export class ModelsFileError extends Error {
  readonly file: string;
  readonly mistakes: readonly FileMistake[];
  constructor(file: string, mistakes: readonly FileMistake[]) {
    const lines = mistakes.map((mistake) => `  ${mistakeText(mistake)}`);
    super(`${file} has ${mistakes.length} mistake(s):\n${lines.join('\n')}`);
    this.name = 'ModelsFileError';
    this.file = file;
    this.mistakes = mistakes;
  }
}

export function mistakeText({ line, path, reason }: FileMistake): string {
  const subject = path === '' ? reason : `${path} ${reason}`;
  return line === undefined ? subject : `line ${line}: ${subject}`;
}
