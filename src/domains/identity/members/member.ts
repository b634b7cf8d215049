import { unixSeconds } from '../api-key.ts';
import type { Role } from '../role.ts';

/** `member` is nobody in the organization itself: such people act in the projects that they belong to. */
export const ORGANIZATION_ROLES = ['owner', 'admin', 'auditor', 'member'] as const;
export type OrganizationRole = (typeof ORGANIZATION_ROLES)[number];
export type MemberRole = Role | OrganizationRole;

/** Where somebody belongs: in a project, or with null in the organization. */
export interface MemberPlace {
  readonly organizationId: string;
  readonly projectId: string | null;
}

export interface MemberRow {
  /** Of the user. */
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: MemberRole;
  readonly created_at: Date;
  readonly disabled_at: Date | null;
}

/** A member on the wire. */
export const memberObject =
  (projectId: string | null) =>
  ({ id, email, name, role, ...member }: MemberRow) => ({
    id,
    object: projectId === null ? 'organization.member' : 'project.member',
    project_id: projectId,
    email,
    name,
    role,
    created_at: unixSeconds(member.created_at),
    disabled_at: member.disabled_at && unixSeconds(member.disabled_at),
  });
