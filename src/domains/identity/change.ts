import type { FastifyRequest } from 'fastify';
import type { SqlExecutor, Statement } from '../../ports/database.ts';
import { type Principal, principalOf } from './principal.ts';

/** Whoever changes something; a caller without a kind is the platform or its operator at the command line. */
export type Changer = Pick<Principal, 'organizationId'> &
  Partial<
    Pick<
      Principal,
      | 'projectId'
      | 'kind'
      | 'apiKeyId'
      | 'userId'
      | 'role'
      | 'roleIn'
      | 'scopes'
      | 'models'
      | 'origin'
    >
  >;

/** What the domain of people and keys changes. */
export type IdentityAction =
  | 'projects.create'
  | 'keys.create'
  | 'keys.update'
  | 'keys.revoke'
  | 'keys.rotate'
  | 'members.add'
  | 'members.update'
  | 'members.remove'
  | 'setup.complete'
  | 'users.disable'
  | 'users.enable'
  | 'users.change_password'
  | 'users.request_password_reset'
  | 'users.reset_password'
  | 'users.enable_totp'
  | 'users.disable_totp'
  | 'sessions.end'
  | 'sessions.replay'
  | 'invitations.create'
  | 'invitations.revoke'
  | 'invitations.accept'
  | 'signing_keys.rotate';

export interface IdentityChange {
  readonly action: IdentityAction;
  readonly resource: { readonly kind: string; readonly id: string | null };
  readonly projectId?: string | null;
  readonly changes?: Readonly<
    Record<string, { readonly before?: unknown; readonly after?: unknown }>
  >;
}

/** The statement that writes a change down; it belongs into the transaction of the change. */
export type RecordChange = (changer: Changer, change: IdentityChange) => Statement;

/** Writes a change down within its transaction, where a record is kept. */
export async function writeChange(
  transaction: SqlExecutor,
  { recordChange }: { readonly recordChange?: RecordChange },
  changer: Changer,
  change: IdentityChange,
): Promise<void> {
  if (recordChange !== undefined) await transaction.execute(recordChange(changer, change));
}

/** The caller of a route that is not public, with where the request came from: for what is written down. */
export function changerOf(request: FastifyRequest): Principal {
  return { ...principalOf(request), origin: originOf(request) };
}

/** Where a request came from. */
export function originOf(request: FastifyRequest) {
  return {
    requestId: request.id,
    address: request.ip,
    userAgent: request.headers['user-agent'] ?? null,
  };
}
