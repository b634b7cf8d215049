export type Environment = Readonly<Record<string, string | undefined>>;

/** One thing to correct. `reason` continues the variable's name as a sentence; it never shows a secret. */
export interface Mistake {
  readonly variable: string;
  readonly reason: string;
  readonly fix: string;
}

/** The exit code of a wrong configuration (EX_CONFIG of sysexits). */
export const CONFIG_EXIT_CODE = 78;

export class ConfigError extends Error {
  readonly mistakes: readonly Mistake[];
  constructor(mistakes: readonly Mistake[]) {
    const lines = mistakes.map(({ variable, reason, fix }) => `  ${variable} ${reason}: ${fix}`);
    super(`the configuration has ${mistakes.length} mistake(s):\n${lines.join('\n')}`);
    this.name = 'ConfigError';
    this.mistakes = mistakes;
  }
}
