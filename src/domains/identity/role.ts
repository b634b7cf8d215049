/** What an API key may be used for. */
export const SCOPES = ['inference', 'knowledge', 'management', 'metrics'] as const;
export type Scope = (typeof SCOPES)[number];

export const ROLES = ['owner', 'admin', 'developer', 'viewer', 'auditor'] as const;
/** What a person is in an organization or a project; policy.ts says what that allows. */
export type Role = (typeof ROLES)[number];
