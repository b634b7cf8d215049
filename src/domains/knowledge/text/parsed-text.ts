export interface ParsedText {
  readonly text: string;
  /** Whether `#` lines are headings. */
  readonly isMarkdown: boolean;
  /** Where each page begins in `text`; empty without pages. */
  readonly pageStarts: readonly number[];
}

export interface ParseLimits {
  /** Largest text that one file may give, in UTF-16 code units. */
  readonly textLengthMax: number;
  readonly pagesMax: number;
}
