import { type SecretBox, SecretBoxError, sealedBy } from '../../../lib/secret-box.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import { insertCanary, readCanary } from './repository.ts';

export const CANARY_PLACE = 'secret_canary:1:envelope';
const CANARY_TEXT = 'llamp secret canary';

/** The key of this process does not open what this installation has sealed. The message is one sentence for people. */
export class WrongSecretKeyError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'WrongSecretKeyError';
  }
}

/**
 * Rejects with a `WrongSecretKeyError` when secrets were sealed under a key that `box` does not have. The first start
 * with a key seals the canary.
 */
export async function verifySecretKey(
  { database, clock }: { database: Database; clock: Clock },
  box: SecretBox | undefined,
): Promise<void> {
  const canary = await readCanary(database);
  if (box === undefined) {
    if (canary !== undefined) throw missingKey(canary);
    return;
  }
  if (canary !== undefined) return openCanary(canary, box);
  await insertCanary(database, box.seal(CANARY_TEXT, CANARY_PLACE), clock.now());
  // Another instance may have been first, with another key.
  const stored = await readCanary(database);
  if (stored !== undefined) openCanary(stored, box);
}

/** Why the canary does not open, or undefined. */
export function canaryFault(canary: string, box: SecretBox | undefined): string | undefined {
  try {
    if (box === undefined) throw missingKey(canary);
    openCanary(canary, box);
    return undefined;
  } catch (error) {
    if (error instanceof WrongSecretKeyError) return error.message;
    throw error;
  }
}

function openCanary(canary: string, box: SecretBox): void {
  try {
    box.open(canary, CANARY_PLACE);
  } catch (error) {
    if (!(error instanceof SecretBoxError)) throw error;
    throw new WrongSecretKeyError(error.message, { cause: error });
  }
}

function missingKey(canary: string): WrongSecretKeyError {
  const keyId = sealedBy(canary) ?? 'of an unknown version';
  return new WrongSecretKeyError(`there is none, and secrets were sealed with the key ${keyId}`);
}
