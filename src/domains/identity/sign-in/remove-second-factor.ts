import type { Transaction } from '../../../ports/database.ts';
import { type Changer, type RecordChange, writeChange } from '../change.ts';
import { identityError } from '../errors.ts';
import { deleteSecondFactor, deleteTicketsOf } from './second-factor-repository.ts';
import { announceSignInChange, endSessionsOf } from './session-repository.ts';

/** Takes a second factor away with its recovery codes, and ends the sessions that it opened, all or all but one. */
export async function removeSecondFactor(
  transaction: Transaction,
  { changer, recordChange }: { changer: Changer; recordChange?: RecordChange },
  from: { userId: string; now: Date; exceptSessionId?: string },
): Promise<void> {
  const { userId } = from;
  if (!(await deleteSecondFactor(transaction, userId))) throw secondFactorMissing();
  await endSessionsOf(transaction, { ...from, reason: 'second_factor_changed' });
  await deleteTicketsOf(transaction, userId);
  await writeChange(transaction, { recordChange }, changer, {
    action: 'users.disable_totp',
    resource: { kind: 'user', id: userId },
    projectId: null,
  });
  await announceSignInChange(transaction);
}

export const secondFactorMissing = () =>
  identityError('second_factor_missing', 'There is no second factor to confirm or to disable.', {
    param: 'code',
  });
