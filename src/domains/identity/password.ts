import { type Options, hash, verify } from '@node-rs/argon2';
import { identityError } from './errors.ts';

// OWASP's parameters for argon2id (19 MiB, 2 passes, 1 lane): about 18 ms of one core each.
const PARAMETERS: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const CONCURRENT_MAX = 4;
const WAITING_MAX = 100;
const RETRY_AFTER_MS = 1_000;

export const PASSWORD_LENGTH = { min: 12, max: 128 } as const;

/** Throws when a new password is too short or too long. */
export function requirePassword(password: string, param = 'password'): void {
  const { min, max } = PASSWORD_LENGTH;
  if (password.length >= min && password.length <= max) return;
  throw identityError('invalid_password', `The password needs ${min} to ${max} characters.`, {
    param,
  });
}

export interface PasswordHasher {
  hash(password: string): Promise<string>;
  verify(passwordHash: string, password: string): Promise<boolean>;
}

/**
 * Hashes a few passwords at a time and lets a bounded number wait, so that a flood of sign-ins takes neither all
 * memory nor all cores.
 */
export function createPasswordHasher(
  limits: { concurrentMax: number; waitingMax: number } = {
    concurrentMax: CONCURRENT_MAX,
    waitingMax: WAITING_MAX,
  },
): PasswordHasher {
  let running = 0;
  const waiting: (() => void)[] = [];
  const limited = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= limits.concurrentMax) {
      if (waiting.length >= limits.waitingMax) throw busy();
      // The one that ends hands its place over, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
  return {
    hash: (password) => limited(() => hash(password, PARAMETERS)),
    verify: (passwordHash, password) => limited(() => verify(passwordHash, password)),
  };
}

const busy = () =>
  identityError('password_hashing_busy', 'Too many passwords are being checked at once.', {
    retryAfterMs: RETRY_AFTER_MS,
  });
