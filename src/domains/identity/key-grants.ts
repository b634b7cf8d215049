import { isAddressRange } from '../../lib/address-ranges.ts';
import type { ApiKeyRow } from './api-key.ts';
import type { Changer } from './change.ts';
import { identityError } from './errors.ts';

type Rights = Pick<ApiKeyRow, 'scopes' | 'models'>;

/**
 * Throws unless whoever acts has what they give away: scopes, and models when they are bound to some. What a key has
 * already (`held`) is not given. The platform and its operator have everything.
 */
export function requireGrantable(changer: Changer, rights: Rights, held?: Rights): void {
  const { scopes: own, models: ownModels } = changer;
  if (own === undefined) return;
  const scope = rights.scopes.find((each) => !own.includes(each) && !held?.scopes.includes(each));
  if (scope !== undefined) throw scopeNotHeld(scope);
  if (ownModels === undefined || held?.models === null) return;
  if (rights.models === null) throw modelNotHeld('every model');
  const model = rights.models.find((each) => !ownModels.has(each) && !held?.models?.includes(each));
  if (model !== undefined) throw modelNotHeld(`the model '${model}'`);
}

/** Throws for an entry that is no range, before anything is stored. */
export function requireAddressRanges(addresses: readonly string[] | null | undefined): void {
  for (const [index, range] of (addresses ?? []).entries()) {
    if (isAddressRange(range)) continue;
    throw identityError(
      'invalid_address_range',
      `'${range}' is neither an address nor a network such as 10.0.0.0/8 or 2001:db8::/32.`,
      { param: `allowed_addresses[${index}]` },
    );
  }
}

function scopeNotHeld(scope: string) {
  const message = `You cannot grant the scope '${scope}': you lack it.`;
  return identityError('scope_not_held', message, { param: 'scopes' });
}

function modelNotHeld(what: string) {
  const message = `You cannot grant ${what}: your own key is bound to models.`;
  return identityError('model_not_held', message, { param: 'models' });
}
