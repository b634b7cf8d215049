import type { AuditAction } from './actions.ts';

export interface AccessRoute {
  readonly action: AuditAction;
  readonly kind: string;
  /** The part of the path that names what is read. */
  readonly param?: string;
}

/**
 * Routes that read out what belongs to a project, or use a secret, by method and path below the prefix. Lists of names
 * and settings are not written down: they hold no content.
 */
export const ACCESS_ROUTES: Readonly<Record<string, AccessRoute>> = {
  'GET /files/:file_id/content': { action: 'files.read', kind: 'file', param: 'file_id' },
  'GET /vector_stores/:store_id/files/:file_id/content': {
    action: 'vector_store_files.read',
    kind: 'file',
    param: 'file_id',
  },
  'POST /vector_stores/:store_id/search': {
    action: 'vector_stores.search',
    kind: 'vector_store',
    param: 'store_id',
  },
  'POST /providers/:provider_id/test': {
    action: 'providers.test',
    kind: 'provider',
    param: 'provider_id',
  },
  'GET /usage': { action: 'usage.read', kind: 'usage' },
  'GET /usage/summary': { action: 'usage.read', kind: 'usage' },
  'GET /audit': { action: 'audit.read', kind: 'audit_log' },
  'GET /audit/export': { action: 'audit.export', kind: 'audit_log' },
};

/** Every other route that is not a read, and what it writes down. A route that is missing fails a test. */
export const CHANGE_ROUTES: Readonly<Record<string, readonly AuditAction[]>> = {
  'POST /projects': ['projects.create'],
  'POST /keys': ['keys.create'],
  'PATCH /keys/:key_id': ['keys.update'],
  'DELETE /keys/:key_id': ['keys.revoke'],
  'POST /keys/:key_id/rotate': ['keys.rotate'],
  'PATCH /members/:user_id': ['members.update'],
  'DELETE /members/:user_id': ['members.remove'],
  'POST /projects/:project_id/members': ['members.add'],
  'PATCH /projects/:project_id/members/:user_id': ['members.update'],
  'DELETE /projects/:project_id/members/:user_id': ['members.remove'],
  'POST /setup': ['setup.complete'],
  'POST /users/:user_id/disable': ['users.disable'],
  'POST /users/:user_id/enable': ['users.enable'],
  'POST /auth/password': ['users.change_password'],
  'POST /auth/password-reset': ['users.reset_password'],
  'POST /auth/totp/confirm': ['users.enable_totp'],
  'POST /auth/totp/disable': ['users.disable_totp'],
  'DELETE /auth/sessions': ['sessions.end'],
  'DELETE /auth/sessions/:session_id': ['sessions.end'],
  'POST /auth/signing-keys/rotate': ['signing_keys.rotate'],
  'POST /invitations': ['invitations.create'],
  'DELETE /invitations/:invitation_id': ['invitations.revoke'],
  'POST /auth/invitations/accept': ['invitations.accept'],
  'POST /guardrails': ['guardrails.create'],
  'PATCH /guardrails/:guardrail_id': ['guardrails.update'],
  'DELETE /guardrails/:guardrail_id': ['guardrails.delete'],
  'POST /providers': ['providers.create'],
  'PATCH /providers/:provider_id': ['providers.update'],
  'DELETE /providers/:provider_id': ['providers.delete'],
  'POST /deployments': ['deployments.create'],
  'PATCH /deployments/:deployment_id': ['deployments.update'],
  'DELETE /deployments/:deployment_id': ['deployments.delete'],
  'POST /models': ['models.create'],
  'PATCH /models/:model_id': ['models.update'],
  'DELETE /models/:model_id': ['models.delete'],
  'POST /limits': ['limits.create'],
  'PATCH /limits/:limit_id': ['limits.update'],
  'DELETE /limits/:limit_id': ['limits.delete'],
  'PUT /prices': ['prices.replace'],
  'POST /prices/versions/:version_id/activate': ['prices.activate'],
  'POST /backups': ['backups.create'],
  'POST /files': ['files.create'],
  'DELETE /files/:file_id': ['files.delete'],
  'POST /vector_stores': ['vector_stores.create'],
  'POST /vector_stores/:store_id': ['vector_stores.update'],
  'DELETE /vector_stores/:store_id': ['vector_stores.delete'],
  'POST /vector_stores/:store_id/files': ['vector_store_files.attach'],
  'POST /vector_stores/:store_id/files/:file_id': ['vector_store_files.update'],
  'DELETE /vector_stores/:store_id/files/:file_id': ['vector_store_files.remove'],
  'POST /vector_stores/:store_id/file_batches': ['file_batches.create'],
  'POST /vector_stores/:store_id/file_batches/:batch_id/cancel': ['file_batches.cancel'],
};

/** Routes that change nothing that lasts, each with its reason. */
export const UNRECORDED_ROUTES: Readonly<Record<string, string>> = {
  'POST /guardrails/:guardrail_id/test': 'looks at a text that the caller sends and keeps nothing',
  'POST /auth/sign-in': 'the session is a row of its own, and failed attempts are counted',
  'POST /auth/sign-in/code': 'the second step of the same',
  'POST /auth/totp': 'a seed that is not in force before it is confirmed',
  'POST /auth/refresh': 'prolongs a session; a replayed token is logged as a security event',
  'POST /auth/sign-out': 'the row of the session keeps when and why it ended',
};

/** What stands after the prefix under which a domain is registered. */
export function pathBelowPrefix(url: string): string {
  return url.replace(/^\/api\/v1\/llm(?=\/)|^\/api\/v1(?=\/)|^\/v1(?=\/)/, '');
}
