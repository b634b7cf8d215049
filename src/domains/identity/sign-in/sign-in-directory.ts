import type { KeyObject } from 'node:crypto';
import type { Log } from '../../../lib/log.ts';
import { type LoadOptions, RevisionedSnapshot } from '../../../lib/revisioned-snapshot.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import { projectNotFound } from '../errors.ts';
import { scopesOfRole } from '../policy.ts';
import type { Principal } from '../principal.ts';
import { IDENTITY_CHANNEL } from '../revision-repository.ts';
import { type TokenParties, verifyAccessToken } from './access-token.ts';
import { SIGN_IN_CHANNEL } from './session-repository.ts';
import {
  type AccessRow,
  listAccess,
  listEndedSessions,
  readSignInRevision,
} from './sign-in-repository.ts';
import { listSigningKeys, type SigningKeyRow } from './signing-key-repository.ts';
import { publicKeyOf, publishedKeys } from './signing-keys.ts';

const PAGE_SIZE = 5_000;
// Longer than any access token is accepted.
const ENDED_KEPT_MS = 15 * 60_000;

interface SignInState {
  readonly signingKeys: readonly SigningKeyRow[];
  readonly verifiers: ReadonlyMap<string, KeyObject>;
  readonly accessByUser: ReadonlyMap<string, readonly AccessRow[]>;
  readonly endedSessions: ReadonlySet<string>;
}

const NOBODY: SignInState = {
  signingKeys: [],
  verifiers: new Map(),
  accessByUser: new Map(),
  endedSessions: new Set(),
};

export interface SignInDirectoryOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly parties: TokenParties;
  /** Owners and administrators may do nothing before they have enrolled a second factor. */
  readonly requireTotp?: boolean;
}

/** Who may act where, and whose session is over, in memory: an access token costs no query. */
export class SignInDirectory {
  readonly #options: SignInDirectoryOptions;
  readonly #snapshot: RevisionedSnapshot<SignInState>;

  constructor(options: SignInDirectoryOptions) {
    const { database, clock, log } = options;
    this.#options = options;
    this.#snapshot = new RevisionedSnapshot({
      name: 'sign-in-directory',
      initial: NOBODY,
      readRevision: (limits) => readSignInRevision(database, limits),
      load: (limits) => loadState(database, clock.now(), limits),
      listen: (onChange) => listenToBoth(database, onChange),
      sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
      log,
    });
  }

  open = () => this.#snapshot.open();
  close = () => this.#snapshot.close();
  /** Resolves when every change that was committed before the call is in force here. */
  refresh = () => this.#snapshot.refresh();

  /** Newest first. */
  get signingKeys(): readonly SigningKeyRow[] {
    return this.#snapshot.current.signingKeys;
  }

  /** Whose token it is, in the named project or the user's first one; null for a token that is not in force. */
  authenticate(token: string, projectId?: string): Principal | null {
    const state = this.#snapshot.current;
    const claims = verifyAccessToken(token, this.#options.parties, {
      nowMs: this.#options.clock.now().getTime(),
      findKey: (keyId) => state.verifiers.get(keyId),
    });
    if (claims === null || state.endedSessions.has(claims.sessionId)) return null;
    const access = state.accessByUser.get(claims.userId);
    if (access === undefined) return null;
    const chosen =
      projectId === undefined ? access[0] : access.find((each) => each.project_id === projectId);
    if (chosen === undefined) throw projectNotFound(projectId ?? '');
    return {
      kind: 'user',
      organizationId: chosen.organization_id,
      projectId: chosen.project_id,
      apiKeyId: null,
      userId: claims.userId,
      sessionId: claims.sessionId,
      role: chosen.role,
      roleIn: chosen.role_in,
      scopes: scopesOfRole(chosen.role, chosen.role_in),
      ...(this.#mustEnrol(chosen) ? { mustEnrol: true } : {}),
    };
  }

  #mustEnrol({ role, has_second_factor: hasSecondFactor }: AccessRow): boolean {
    if (this.#options.requireTotp !== true || hasSecondFactor) return false;
    return role === 'owner' || role === 'admin';
  }
}

async function loadState(database: Database, now: Date, limits: LoadOptions): Promise<SignInState> {
  const signingKeys = await listSigningKeys(database, limits);
  const published = publishedKeys(signingKeys, now);
  return {
    signingKeys,
    verifiers: new Map(published.map((row) => [row.id, publicKeyOf(row)])),
    accessByUser: await loadAccess(database, limits),
    endedSessions: await loadEndedSessions(database, now, limits),
  };
}

async function loadAccess(database: Database, limits: LoadOptions) {
  const byUser = new Map<string, AccessRow[]>();
  let last: AccessRow | undefined;
  for (;;) {
    const afterUserId = last?.user_id ?? '';
    const afterProjectId = last?.project_id ?? '';
    const page = { afterUserId, afterProjectId, limit: PAGE_SIZE };
    const rows = await listAccess(database, page, limits);
    for (const row of rows) {
      const known = byUser.get(row.user_id);
      if (known === undefined) byUser.set(row.user_id, [row]);
      else known.push(row);
    }
    last = rows.at(-1);
    if (rows.length < PAGE_SIZE) return byUser;
  }
}

async function loadEndedSessions(database: Database, now: Date, limits: LoadOptions) {
  const since = new Date(now.getTime() - ENDED_KEPT_MS);
  const ended = new Set<string>();
  for (let afterId = ''; ; ) {
    const ids = await listEndedSessions(database, { since, afterId, limit: PAGE_SIZE }, limits);
    for (const id of ids) ended.add(id);
    const last = ids.at(-1);
    if (last === undefined || ids.length < PAGE_SIZE) return ended;
    afterId = last;
  }
}

async function listenToBoth(database: Database, onChange: () => void) {
  const unlisten = await Promise.all(
    [IDENTITY_CHANNEL, SIGN_IN_CHANNEL].map((channel) =>
      database.listen(channel, onChange, onChange),
    ),
  );
  return async () => {
    await Promise.all(unlisten.map((stop) => stop()));
  };
}
