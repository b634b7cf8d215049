import type { Changer } from '../change.ts';
import { identityError, projectNotFound } from '../errors.ts';
import { reachOf } from '../policy.ts';
import type { Role } from '../role.ts';
import { requireOrganizationReach, requireStanding } from '../users/standing.ts';

const ORGANIZATION_ROLES: readonly Role[] = ['owner', 'admin', 'auditor'];

/** Throws unless the inviter may give that role there: nobody grants what they lack, or beyond their reach. */
export function requireGrant(
  inviter: Changer,
  { role, projectId }: { role: Role; projectId: string | null },
): void {
  if (projectId === null && !ORGANIZATION_ROLES.includes(role)) throw needsProject();
  if (projectId === null) requireOrganizationReach(inviter, 'project_id');
  const { projectId: reached } = reachOf(inviter);
  if (projectId !== null && reached !== null && reached !== projectId)
    throw projectNotFound(projectId);
  requireStanding(inviter, role, 'role');
}

const needsProject = () =>
  identityError('invalid_role', 'This role exists in projects; name the project.', {
    param: 'role',
  });
