import type { Changer } from '../change.ts';
import { identityError } from '../errors.ts';
import type { MemberRole } from '../members/member.ts';
import { mayGrant, reachOf } from '../policy.ts';

/** Throws unless the caller stands as high as a role that they act on, or give. The operator stands above everybody. */
export function requireStanding(
  caller: Changer,
  role: MemberRole,
  param: 'role' | 'user_id' | 'invitation_id',
): void {
  const isOperator = caller.kind === undefined || caller.kind === 'service';
  if (isOperator || role === 'member' || mayGrant(caller, role)) return;
  throw identityError('role_not_held', `You stand below the role '${role}'.`, { param });
}

/** Throws for people whose role is one in a project. */
export function requireOrganizationReach(caller: Changer, param: string): void {
  if (reachOf(caller).projectId === null) return;
  throw identityError('organization_out_of_reach', 'Your role reaches your projects only.', {
    param,
  });
}
