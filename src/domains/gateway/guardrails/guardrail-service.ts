import type { Clock } from '../../../ports/clock.ts';
import { type Database, DatabaseError, type Statement } from '../../../ports/database.ts';
import { AppError } from '../../../lib/app-error.ts';
import { changedFields, changeStatement } from '../../audit/index.ts';
import type { Changer, IdentityService } from '../../identity/index.ts';
import type { OutboundGuard } from '../../../lib/outbound-guard/index.ts';
import type { SecretBox } from '../../../lib/secret-box.ts';
import { gatewayError, guardrailNotFound, invalidValue } from '../errors.ts';
import { masked, type Match } from './detectors/detector.ts';
import { type GuardrailRow, guardrailOf, type GuardrailTools, isWhole } from './guardrail.ts';
import { configOf, refuseInnerPlace, refuseMasking } from './guardrail-config.ts';
import {
  ANNOUNCE_CHANGE,
  deleteGuardrail,
  findGuardrail,
  insertGuardrail,
  listGuardrails,
  updateGuardrail,
} from './guardrail-repository.ts';
import { sealGuardrailSecret } from './sealed-secret.ts';
import type { GuardrailBody, GuardrailPatch, GuardrailsQuery } from './guardrail-schemas.ts';

const UNIQUE_VIOLATION = '23505';
const TEST_TIMEOUT_MS = 15_000;

export interface GuardrailServiceOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly identity: Pick<IdentityService, 'getKey' | 'getProject'>;
  /** For webhooks. */
  readonly guard: OutboundGuard;
  readonly tools: GuardrailTools;
  /** Seals secrets; without it none can be stored. */
  readonly box: SecretBox | undefined;
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
    refuseMasking(body.kind, body.action);
    await refuseInnerPlace(this.#options.guard, config);
    const now = clock.now();
    const id = clock.newId('guard_');
    const row: GuardrailRow = {
      id,
      organization_id: owner.organizationId,
      name: body.name,
      scope: body.scope,
      scope_id: await this.#scopeId(owner, body),
      kind: body.kind,
      action: body.action,
      stages: body.stages ?? (body.kind === 'json_schema' ? ['output'] : ['input', 'output']),
      config,
      secret: this.#secretOf(id, body) ?? null,
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
    const { kind } = before;
    const config = configOf(kind, { ...before.config, ...definedFields(patch) });
    refuseMasking(kind, patch.action ?? before.action);
    await refuseInnerPlace(this.#options.guard, config);
    const secret = this.#secretOf(id, { kind, secret: patch.secret });
    const after: GuardrailRow = {
      ...before,
      name: patch.name ?? before.name,
      action: patch.action ?? before.action,
      stages: patch.stages ?? before.stages,
      config,
      secret: secret === undefined ? before.secret : secret,
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
  async test(owner: Changer, id: string, text: string): Promise<GuardrailTestResult> {
    const row = await this.get(owner, id);
    const { detector, check } = guardrailOf(row, this.#options.tools);
    const matches = detector?.find(text) ?? [];
    const label = await check?.check({
      stage: isWhole(row.kind) && !row.stages.includes('input') ? 'output' : 'input',
      requestId: owner.origin?.requestId ?? '',
      model: '',
      texts: [text],
      signal: AbortSignal.timeout(TEST_TIMEOUT_MS),
    });
    return {
      is_allowed: matches.length === 0 && label === undefined,
      matches,
      text: masked(text, matches),
    };
  }

  /** The sealed secret; undefined when none was given, null to take it away. */
  #secretOf(
    id: string,
    { kind, secret }: { kind: GuardrailRow['kind']; secret?: string | null },
  ): string | null | undefined {
    if (secret === undefined || secret === null) return secret;
    if (kind !== 'webhook') throw invalidValue('secret', `nothing: '${kind}' has no such field`);
    return sealGuardrailSecret(this.#options.box, id, secret);
  }

  async #write(
    owner: Changer,
    action: 'guardrails.create' | 'guardrails.update' | 'guardrails.delete',
    { before, after }: { before?: GuardrailRow; after?: GuardrailRow },
    statement: Statement,
  ): Promise<void> {
    const { database, clock, onChange } = this.#options;
    const resource = { kind: 'guardrail', id: after?.id ?? before?.id ?? null };
    const changes = changedFields(shownFields(before), shownFields(after));
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

export interface GuardrailTestResult {
  readonly is_allowed: boolean;
  readonly matches: Match[];
  readonly text: string;
}

/** For the audit log: whether there is a secret, never the secret. */
function shownFields(row: GuardrailRow | undefined) {
  if (row === undefined) return null;
  const { secret, ...shown } = row;
  return { ...shown, has_secret: secret !== null };
}

const definedFields = ({
  words,
  patterns,
  types,
  schema,
  url,
  timeout_ms,
  on_failure,
}: GuardrailPatch) =>
  Object.fromEntries(
    Object.entries({ words, patterns, types, schema, url, timeout_ms, on_failure }).filter(
      ([, value]) => value !== undefined,
    ),
  );
