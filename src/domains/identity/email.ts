import { identityError } from './errors.ts';

const EMAIL_LENGTH_MAX = 254;

/** The form in which an address is stored and compared; throws when it is none. */
export function normalizedEmail(text: string, param = 'email'): string {
  if (/^[^\s@]+@[^\s@]+$/.test(text) && text.length <= EMAIL_LENGTH_MAX) return text.toLowerCase();
  throw identityError('invalid_email', 'This is no e-mail address.', { param });
}
