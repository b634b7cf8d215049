import type { Clock } from '../../ports/clock.ts';
import { type Database, DatabaseError } from '../../ports/database.ts';
import { type ApiKeyRow, isLive } from './api-key.ts';
import type { Changer, IdentityChange, RecordChange } from './change.ts';
import {
  apiKeyNotFound,
  apiKeyNotLive,
  cursorNotFound,
  expiryPassed,
  identityError,
  projectNotFound,
} from './errors.ts';
import { findDefaultOwner, type Owner } from './installation-repository.ts';
import { requireAddressRanges, requireGrantable } from './key-grants.ts';
import {
  findApiKey,
  insertApiKey,
  type KeySettings,
  listApiKeys,
  revokeApiKey,
  shortenApiKey,
  storedKey,
} from './key-repository.ts';
import { type ReachingCaller, reachOf } from './policy.ts';
import { type CreatedKey, keyFields, type KeyInput, newApiKey } from './new-key.ts';
import {
  findProject,
  findUser,
  insertProject,
  listProjects,
  listUsers,
  type ProjectRow,
  type UserRow,
} from './project-repository.ts';
import { ANNOUNCE_CHANGE } from './revision-repository.ts';
import { updateKey } from './update-key.ts';

export interface Page {
  /** Id of the last entry of the page before. */
  readonly after?: string;
  readonly limit: number;
}

export interface PageOf<T> {
  readonly rows: T[];
  readonly hasMore: boolean;
}

export interface IdentityDependencies {
  readonly database: Database;
  readonly clock: Clock;
  /** Called after each committed change, so that this instance sees it at once. */
  readonly onChange?: () => Promise<void>;
  /** Writes each change down in its own transaction; without it nobody is told. */
  readonly recordChange?: RecordChange;
}

/** Projects, keys and users of one organization. Ids of other organizations are treated as missing. */
export class IdentityService {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #onChange: () => Promise<void>;
  readonly #recordChange: RecordChange | undefined;

  constructor({ database, clock, onChange, recordChange }: IdentityDependencies) {
    this.#database = database;
    this.#clock = clock;
    this.#onChange = onChange ?? (async () => undefined);
    this.#recordChange = recordChange;
  }

  /** For the command line, which acts for whoever can reach the database. */
  async defaultOwner(): Promise<Owner> {
    const owner = await findDefaultOwner(this.#database);
    if (owner === undefined) {
      throw new Error('the installation is empty; start it once with `llamp serve`');
    }
    return owner;
  }

  async createProject(owner: Changer, name: string): Promise<ProjectRow> {
    const project = {
      id: this.#clock.newId('proj_'),
      organization_id: owner.organizationId,
      name,
      created_at: this.#clock.now(),
    };
    const recorded = this.#recorded(owner, {
      action: 'projects.create',
      resource: { kind: 'project', id: project.id },
      projectId: project.id,
      changes: { name: { after: name } },
    });
    await this.#database.batch([insertProject(project), ...recorded]);
    return { ...project, archived_at: null };
  }

  /** Of the organization; for people who belong to some projects only, one of those. */
  async getProject(caller: ReachingCaller, id: string) {
    const filter = { ...projectFilterOf(caller), id };
    const project = await findProject(this.#database, filter);
    if (project === undefined) throw projectNotFound(id);
    return project;
  }

  async listProjects(caller: ReachingCaller, page: Page) {
    const filter = projectFilterOf(caller);
    const find = (id: string) => findProject(this.#database, { ...filter, id });
    return this.#page<ProjectRow>(page, find, (after, limit) =>
      listProjects(this.#database, { ...filter, after, limit }),
    );
  }

  async listUsers({ organizationId }: Pick<Owner, 'organizationId'>, page: Page) {
    const find = (id: string) => findUser(this.#database, { organizationId, id });
    return this.#page<UserRow>(page, find, (after, limit) =>
      listUsers(this.#database, { organizationId, after, limit }),
    );
  }

  /** A new key of the owner's project, or of another project of the same organization. */
  async createKey(owner: Changer & Owner, input: KeyInput): Promise<CreatedKey> {
    const project = await this.getProject(owner, input.projectId ?? owner.projectId);
    const { projectId: reachedProject } = reachOf(owner);
    if (project.archived_at !== null || (reachedProject ?? project.id) !== project.id) {
      throw projectNotFound(project.id);
    }
    const { expiresAt = null } = input;
    if (expiresAt !== null && expiresAt <= this.#clock.now()) throw expiryPassed();
    requireAddressRanges(input.addresses);
    const { row, secret } = newApiKey(this.#clock, {
      name: input.name,
      scopes: [...input.scopes],
      models: input.models ?? null,
      allowed_addresses: input.addresses ?? null,
      project_id: project.id,
      created_by: owner.userId ?? null,
      expires_at: expiresAt,
    });
    requireGrantable(owner, row);
    const recorded = this.#recorded(owner, {
      action: 'keys.create',
      resource: { kind: 'api_key', id: row.id },
      projectId: row.project_id,
      changes: keyFields(row),
    });
    await this.#change([insertApiKey(row), ...recorded]);
    return { key: storedKey(row), secret };
  }

  async getKey(caller: ReachingCaller, id: string): Promise<ApiKeyRow> {
    const key = await findApiKey(this.#database, { ...reachOf(caller), id });
    if (key === undefined) throw apiKeyNotFound(id);
    return key;
  }

  async listKeys(
    caller: ReachingCaller,
    page: Page & { projectId?: string },
  ): Promise<PageOf<ApiKeyRow>> {
    const reach = reachOf(caller);
    if (page.projectId !== undefined) await this.getProject(caller, page.projectId);
    const projectId = reach.projectId ?? page.projectId ?? null;
    if (page.projectId !== undefined && page.projectId !== projectId) {
      throw projectNotFound(page.projectId);
    }
    const find = (id: string) => findApiKey(this.#database, { ...reach, id });
    return this.#page<ApiKeyRow>(page, find, (after, limit) =>
      listApiKeys(this.#database, { ...reach, projectId, after, limit }),
    );
  }

  /** Ends a key at once. Repeating it is harmless. */
  async revokeKey(owner: Changer, id: string): Promise<void> {
    const key = await this.getKey(owner, id);
    if (key.revoked_at !== null) return;
    const recorded = this.#recorded(owner, {
      action: 'keys.revoke',
      resource: { kind: 'api_key', id },
      projectId: key.project_id,
      changes: { name: { before: key.name }, revoked: { before: false, after: true } },
    });
    await this.#change([revokeApiKey(id, this.#clock.now()), ...recorded]);
  }

  /** Changes what is given; in force on every instance as a revocation is. */
  async updateKey(owner: Changer, id: string, settings: Partial<KeySettings>): Promise<ApiKeyRow> {
    const services = {
      database: this.#database,
      clock: this.#clock,
      recordChange: this.#recordChange,
    };
    const updated = await updateKey(services, owner, { id, settings });
    await this.#onChange();
    return updated;
  }

  /** A new key with the rights of the old one, which stays valid for `overlapMs` at most. */
  async rotateKey(
    owner: Changer,
    id: string,
    { overlapMs }: { overlapMs: number },
  ): Promise<CreatedKey & { previous: ApiKeyRow }> {
    const previous = await this.getKey(owner, id);
    const now = this.#clock.now();
    if (!isLive(previous, now)) throw apiKeyNotLive(id);
    // The new key is shown to whoever rotates.
    requireGrantable(owner, previous);
    const { row, secret } = newApiKey(this.#clock, previous);
    const endsAt = new Date(now.getTime() + overlapMs);
    const ending = overlapMs === 0 ? revokeApiKey(id, now) : shortenApiKey(id, endsAt);
    const recorded = this.#recorded(owner, {
      action: 'keys.rotate',
      resource: { kind: 'api_key', id },
      projectId: row.project_id,
      changes: {
        replaced_by: { after: row.id },
        expires_at: { before: previous.expires_at, after: endsAt },
      },
    });
    await this.#change([insertApiKey(row), ending, ...recorded]);
    return { key: storedKey(row), secret, previous: await this.getKey(owner, id) };
  }

  #recorded(changer: Changer, change: IdentityChange) {
    return this.#recordChange === undefined ? [] : [this.#recordChange(changer, change)];
  }

  async #change(statements: Parameters<Database['batch']>[0]): Promise<void> {
    try {
      await this.#database.batch([...statements, ...ANNOUNCE_CHANGE]);
    } catch (error) {
      // Only possible when the project was deleted in between.
      if (error instanceof DatabaseError && error.sqlState === '23503') {
        throw identityError('project_not_found', 'The project does not exist any more.');
      }
      throw error;
    }
    await this.#onChange();
  }

  async #page<T extends { id: string; created_at: Date }>(
    page: Page,
    find: (id: string) => Promise<{ created_at: Date } | undefined>,
    list: (after: { id: string; createdAt: Date } | undefined, limit: number) => Promise<T[]>,
  ): Promise<PageOf<T>> {
    const { after, limit } = page;
    const cursor = after === undefined ? undefined : await find(after);
    if (after !== undefined && cursor === undefined) throw cursorNotFound(after);
    const position =
      after === undefined || cursor === undefined
        ? undefined
        : { id: after, createdAt: cursor.created_at };
    // One more than asked for tells whether there is a next page.
    const rows = await list(position, limit + 1);
    return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
  }
}

const projectFilterOf = (caller: ReachingCaller) => ({
  organizationId: caller.organizationId,
  memberId: caller.kind === 'user' && caller.roleIn === 'project' ? (caller.userId ?? '') : null,
});
