import type { Clock } from '../../../ports/clock.ts';
import { type Database, DatabaseError, type Statement } from '../../../ports/database.ts';
import { AppError } from '../../../lib/app-error.ts';
import { changedFields, changeStatement } from '../../audit/index.ts';
import type { Changer, IdentityService } from '../../identity/index.ts';
import { gatewayError, guardrailNotFound, invalidValue } from '../errors.ts';
import { masked, type Match } from './detectors/detector.ts';
import {
  detectorOf,
  type GuardrailConfig,
  type GuardrailKind,
  type GuardrailRow,
} from './guardrail.ts';
import {
  ANNOUNCE_CHANGE,
  deleteGuardrail,
  findGuardrail,
  insertGuardrail,
  listGuardrails,
  updateGuardrail,
} from './guardrail-repository.ts';
import type { GuardrailBody, GuardrailPatch, GuardrailsQuery } from './guardrail-schemas.ts';

const UNIQUE_VIOLATION = '23505';

export interface GuardrailServiceOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly identity: Pick<IdentityService, 'getKey' | 'getProject'>;
  /** Called after each committed change, so that this instance sees it at once. */
  readonly onChange: () => Promise<void>;
}

/** Guardrails of one organization. Ids of other organizations are treated as missing. */
export class GuardrailService {
  readonly #options: GuardrailServiceOptions;

  constructor(options: GuardrailServiceOptions) {
    this.#options = options;
  }

  async create(owner: Changer, body: GuardrailBody): Promise<GuardrailRow> {
    const { clock } = this.#options;
    const config = configOf(body.kind, body);
    const now = clock.now();
    const row: GuardrailRow = {
      id: clock.newId('guard_'),
      organization_id: owner.organizationId,
      name: body.name,
      scope: body.scope,
      scope_id: await this.#scopeId(owner, body),
      kind: body.kind,
      action: body.action,
      stages: body.stages ?? ['input', 'output'],
      config,
      enabled: body.enabled,
      created_at: now,
      updated_at: now,
    };
    await this.#write(owner, 'guardrails.create', { after: row }, insertGuardrail(row));
    return row;
  }

  async get({ organizationId }: Changer, id: string): Promise<GuardrailRow> {
    const row = await findGuardrail(this.#options.database, { organizationId, id });
    if (row === undefined) throw guardrailNotFound(id);
    return row;
  }

  async list({ organizationId }: Changer, { after: id, limit }: GuardrailsQuery) {
    const { database } = this.#options;
    const after = id === undefined ? undefined : await this.get({ organizationId }, id);
    const rows = await listGuardrails(database, { organizationId, after, limit: limit + 1 });
    return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
  }

  async update(owner: Changer, id: string, patch: GuardrailPatch): Promise<GuardrailRow> {
    const before = await this.get(owner, id);
    const after: GuardrailRow = {
      ...before,
      name: patch.name ?? before.name,
      action: patch.action ?? before.action,
      stages: patch.stages ?? before.stages,
      config: configOf(before.kind, { ...before.config, ...patch }),
      enabled: patch.enabled ?? before.enabled,
      updated_at: this.#options.clock.now(),
    };
    await this.#write(owner, 'guardrails.update', { before, after }, updateGuardrail(after));
    return after;
  }

  async delete(owner: Changer, id: string): Promise<void> {
    const before = await this.get(owner, id);
    await this.#write(owner, 'guardrails.delete', { before }, deleteGuardrail(id));
  }

  /** What a guardrail would find in a text, and what would be left of it. */
  async test(
    owner: Changer,
    id: string,
    text: string,
  ): Promise<{ matches: Match[]; text: string }> {
    const { kind, config } = await this.get(owner, id);
    const matches = detectorOf(kind, config).find(text);
    return { matches, text: masked(text, matches) };
  }

  async #write(
    owner: Changer,
    action: 'guardrails.create' | 'guardrails.update' | 'guardrails.delete',
    { before, after }: { before?: GuardrailRow; after?: GuardrailRow },
    statement: Statement,
  ): Promise<void> {
    const { database, clock, onChange } = this.#options;
    const resource = { kind: 'guardrail', id: after?.id ?? before?.id ?? null };
    const changes = changedFields(before ?? null, after ?? null);
    const recorded = changeStatement(clock, owner, { action, resource, projectId: null, changes });
    try {
      await database.batch([statement, recorded, ...ANNOUNCE_CHANGE]);
    } catch (error) {
      if (error instanceof DatabaseError && error.sqlState === UNIQUE_VIOLATION) {
        throw gatewayError('guardrail_exists', {
          message: 'Another guardrail has this name.',
          param: 'name',
        });
      }
      throw error;
    }
    await onChange();
  }

  async #scopeId(owner: Changer, { scope, scope_id: id }: GuardrailBody): Promise<string> {
    if (scope === 'organization') return owner.organizationId;
    if (id === undefined)
      throw invalidValue(
        'scope_id',
        `the id of the ${scope === 'project' ? 'project' : 'API key'}`,
      );
    const { identity } = this.#options;
    try {
      if (scope === 'project') await identity.getProject(owner, id);
      else await identity.getKey(owner, id);
      return id;
    } catch (error) {
      if (error instanceof AppError && error.status === 404)
        throw invalidValue('scope_id', `the id of a ${scope} of the organization`);
      throw error;
    }
  }
}

const FIELDS = {
  keywords: 'words',
  patterns: 'patterns',
  personal_data: 'types',
  secrets: undefined,
} as const satisfies Record<GuardrailKind, keyof GuardrailConfig | undefined>;

/** The one field that the kind needs; throws a 400 for another one, or for a pattern that is none. */
function configOf(kind: GuardrailKind, given: GuardrailConfig): GuardrailConfig {
  const needed = FIELDS[kind];
  for (const field of ['words', 'patterns', 'types'] as const) {
    if (field !== needed && given[field] !== undefined)
      throw invalidValue(field, `nothing: '${kind}' has no such field`);
  }
  if (needed === undefined) return {};
  const value = given[needed];
  if (value === undefined) throw invalidValue(needed, `a list, which '${kind}' needs`);
  const config: GuardrailConfig = { [needed]: value };
  try {
    detectorOf(kind, config);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalidValue(needed, `regular expressions in RE2's syntax (${reason})`);
  }
  return config;
}
