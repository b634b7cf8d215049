import { type Text, text } from './text.ts';

export const STATUSES = ['ok', 'warn', 'fail', 'skip'] as const;
/** `skip`: there was nothing to look at, or what comes before it is broken already. */
export type Status = (typeof STATUSES)[number];

/** What a check saw. */
export interface Finding {
  readonly status: Status;
  readonly found: Text;
  /** Only where the hint of the check itself does not fit. */
  readonly hint?: Text;
}

export const ok = (en: string, zh: string): Finding => ({ status: 'ok', found: text(en, zh) });
export const warn = (en: string, zh: string, hint?: Text): Finding => ({
  status: 'warn',
  found: text(en, zh),
  hint,
});
export const fail = (en: string, zh: string, hint?: Text): Finding => ({
  status: 'fail',
  found: text(en, zh),
  hint,
});
export const skip = (en: string, zh: string): Finding => ({ status: 'skip', found: text(en, zh) });

/** The first line of what an error says. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const said = message === '' && error instanceof Error ? codeOf(error) : message;
  return said.split('\n', 1)[0] ?? '';
}

/** `ECONNREFUSED` and its like, also of the cause. */
export function codeOf(error: unknown): string {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined ? '' : codeOf(cause);
}
