import { type Role, SCOPES, type Scope } from './role.ts';

/** Who may do something: a key by one of its scopes, a person by the role in the organization or in the project. */
interface Rule {
  readonly scope: Scope;
  readonly organization: readonly Role[];
  readonly project: readonly Role[];
}

const EVERYBODY: readonly Role[] = ['owner', 'admin', 'developer', 'viewer', 'auditor'];
const BUILDERS: readonly Role[] = ['owner', 'admin', 'developer'];
const READERS: readonly Role[] = ['owner', 'admin', 'developer', 'viewer'];
const HEADS: readonly Role[] = ['owner', 'admin'];
const OVERSEERS: readonly Role[] = ['owner', 'admin', 'auditor'];
const NOBODY: readonly Role[] = [];

/**
 * Everything that can be done, and by whom. What does not stand here is refused. Roles in a project reach what belongs
 * to that project only; settings of the whole organization have no project column.
 */
export const POLICY = {
  'inference.call': { scope: 'inference', organization: HEADS, project: BUILDERS },
  'inference.models': { scope: 'inference', organization: HEADS, project: READERS },
  'knowledge.read': { scope: 'knowledge', organization: HEADS, project: READERS },
  'knowledge.search': { scope: 'knowledge', organization: HEADS, project: READERS },
  'knowledge.write': { scope: 'knowledge', organization: HEADS, project: BUILDERS },
  'projects.read': { scope: 'management', organization: OVERSEERS, project: EVERYBODY },
  'projects.write': { scope: 'management', organization: HEADS, project: NOBODY },
  'members.read': { scope: 'management', organization: OVERSEERS, project: OVERSEERS },
  'members.write': { scope: 'management', organization: HEADS, project: HEADS },
  'users.read': { scope: 'management', organization: OVERSEERS, project: NOBODY },
  'users.write': { scope: 'management', organization: HEADS, project: NOBODY },
  'keys.read': {
    scope: 'management',
    organization: OVERSEERS,
    project: ['owner', 'admin', 'developer', 'auditor'],
  },
  'keys.write': { scope: 'management', organization: HEADS, project: BUILDERS },
  'providers.read': { scope: 'management', organization: OVERSEERS, project: NOBODY },
  'providers.write': { scope: 'management', organization: HEADS, project: NOBODY },
  'models.read': { scope: 'management', organization: OVERSEERS, project: NOBODY },
  'models.write': { scope: 'management', organization: HEADS, project: NOBODY },
  'guardrails.read': { scope: 'management', organization: OVERSEERS, project: NOBODY },
  'guardrails.write': { scope: 'management', organization: HEADS, project: NOBODY },
  'limits.read': { scope: 'management', organization: OVERSEERS, project: NOBODY },
  'limits.write': { scope: 'management', organization: HEADS, project: NOBODY },
  'prices.read': { scope: 'management', organization: OVERSEERS, project: NOBODY },
  'prices.write': { scope: 'management', organization: HEADS, project: NOBODY },
  'usage.read': { scope: 'management', organization: OVERSEERS, project: EVERYBODY },
  'audit.read': { scope: 'management', organization: OVERSEERS, project: OVERSEERS },
  'operations.read': { scope: 'management', organization: OVERSEERS, project: NOBODY },
  'operations.write': { scope: 'management', organization: ['owner'], project: NOBODY },
  'metrics.read': { scope: 'metrics', organization: HEADS, project: NOBODY },
} as const satisfies Record<string, Rule>;

export type Action = keyof typeof POLICY;

const RULES: ReadonlyMap<string, Rule> = new Map(Object.entries(POLICY));

export const ACTION_NAMES = Object.keys(POLICY) as Action[];

export const isAction = (name: string): name is Action => RULES.has(name);

/** The facts about a principal that decide. */
export interface Caller {
  readonly kind: 'api_key' | 'user' | 'service';
  readonly scopes: readonly Scope[];
  /** Of a user. */
  readonly role?: Role;
  readonly roleIn?: 'organization' | 'project';
}

/** The one decision about what a caller may do at all; which rows it reaches is `reachOf`. */
export function may(caller: Caller, action: Action): boolean {
  const rule: Rule = POLICY[action];
  if (caller.kind !== 'user') return caller.scopes.includes(rule.scope);
  const { role, roleIn } = caller;
  if (role === undefined || roleIn === undefined) return false;
  return rule[roleIn].includes(role);
}

/** Scopes of keys that a person may hand out: a scope that reaches beyond the project takes a role that does. */
export function scopesOfRole(role: Role, roleIn: 'organization' | 'project'): readonly Scope[] {
  if (!HEADS.includes(role)) return role === 'developer' ? PROJECT_SCOPES : NO_SCOPES;
  return roleIn === 'organization' ? SCOPES : PROJECT_SCOPES;
}

const PROJECT_SCOPES: readonly Scope[] = ['inference', 'knowledge'];
const NO_SCOPES: readonly Scope[] = [];

/** The part of an organization that a caller reaches: null stands for all of it. */
export interface Reach {
  readonly organizationId: string;
  readonly projectId: string | null;
  /** Only what this person made. */
  readonly createdBy: string | null;
}

/** Keys and the command line reach their organization, people with a role in a project that project alone. */
export function reachOf(caller: ReachingCaller): Reach {
  const { organizationId } = caller;
  if (caller.kind !== 'user' || caller.roleIn !== 'project') {
    return { organizationId, projectId: null, createdBy: null };
  }
  const isOwnOnly = caller.role === 'developer';
  return {
    organizationId,
    projectId: caller.projectId ?? '',
    createdBy: isOwnOnly ? (caller.userId ?? '') : null,
  };
}

/** The facts about a principal that bound it; without a kind it is the platform or the command line. */
export interface ReachingCaller extends Partial<Caller> {
  readonly organizationId: string;
  readonly projectId?: string;
  readonly userId?: string | null;
}

const RANKS: Readonly<Record<Role, number>> = {
  owner: 3,
  admin: 2,
  developer: 1,
  viewer: 1,
  auditor: 1,
};

/** Nobody makes, changes or removes somebody who stands above them. A key counts as an administrator. */
export function mayGrant(caller: Pick<ReachingCaller, 'kind' | 'role'>, role: Role): boolean {
  const own = caller.kind === 'user' ? (caller.role ?? 'viewer') : 'admin';
  return RANKS[own] >= RANKS[role];
}
