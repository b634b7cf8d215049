export { apiKeyObject, type ApiKeyRow, unixSeconds } from './api-key.ts';
export { type BootstrapOptions, type BootstrapResult, bootstrap } from './bootstrap.ts';
export {
  type Changer,
  changerOf,
  type IdentityAction,
  type IdentityChange,
  originOf,
  type RecordChange,
} from './change.ts';
export { MemberService } from './members/member-service.ts';
export { IDENTITY_ERRORS, secondFactorRequired } from './errors.ts';
export type { Owner } from './installation-repository.ts';
export { listObject } from './list-object.ts';
export { KeyDirectory, openKeyDirectory } from './key-directory.ts';
export { createPasswordHasher, type PasswordHasher } from './password.ts';
export { createPeople, type People, type PeopleOptions } from './people.ts';
export {
  type Action,
  ACTION_NAMES,
  isAction,
  may,
  POLICY,
  type Reach,
  reachOf,
} from './policy.ts';
export { type Principal, principalOf, type RequestOrigin, type RouteAccess } from './principal.ts';
export { type Role, ROLES, type Scope, SCOPES } from './role.ts';
export { identityRoutes } from './routes.ts';
export type { CreatedKey } from './new-key.ts';
export { IdentityService, type Page, type PageOf } from './service.ts';
export { type SetupInput, SetupService } from './setup-service.ts';
export {
  type OpenSession,
  type SecurityEvent,
  SessionService,
} from './sign-in/session-service.ts';
export { type AcceptInput, InvitationService } from './invitations/invitation-service.ts';
export { sweepPeople } from './retention/sweep-people.ts';
export { rotateSigningKey } from './sign-in/rotate-signing-key.ts';
export { SEALED_TOTP_SEEDS } from './sign-in/second-factor.ts';
export type { SignIn } from './sign-in/sign-in.ts';
export { SEALED_SIGNING_KEYS } from './sign-in/signing-keys.ts';
export { jwksRoute } from './sign-in/sign-in-routes.ts';
export { UserService } from './users/user-service.ts';
