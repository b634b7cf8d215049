/** What a check is given: whole texts of one stage of one call. */
export interface CheckedTexts {
  readonly stage: 'input' | 'output';
  readonly requestId: string;
  readonly model: string;
  readonly texts: readonly string[];
  readonly signal: AbortSignal;
}

/** Looks at whole texts, and may ask somebody. Such a guardrail denies or flags: there is no place to mask. */
export interface WholeCheck {
  /** The label of what is wrong, or undefined. Rejects when nobody can tell and the call must not go on. */
  check(given: CheckedTexts): Promise<string | undefined>;
}
