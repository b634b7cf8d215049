import type { SqlExecutor, Transaction } from '../../../ports/database.ts';
import type { Changer, PageOf } from '../../identity/index.ts';
import type { ModelEntry } from '../definitions/entries.ts';
import { modelFaults } from '../definitions/model-faults.ts';
import { configuredModelNotFound, invalidModel, unknownReference } from '../errors.ts';
import type { ListQuery, MemberBody, ModelBody, ModelPatch } from '../schemas.ts';
import {
  commitChange,
  isForeignKeyViolation,
  type ManagementContext,
  recordEntry,
  refuseFileEntry,
  refuseFileName,
} from './change.ts';
import { findDeploymentIds } from './deployment-repository.ts';
import {
  deleteModel,
  findModel,
  insertModel,
  listModels,
  lockModel,
  type MemberRow,
  replaceFallbacks,
  replaceMembers,
  updateModel,
} from './model-repository.ts';
import { pageOf, type Sourced } from './page.ts';

type Caller = Changer;
const PARAM = 'model_id';

/** Configured models of one organization. Ids of other organizations are treated as missing. */
export class ModelService {
  readonly #context: ManagementContext;

  constructor(context: ManagementContext) {
    this.#context = context;
  }

  async create(caller: Caller, body: ModelBody): Promise<Sourced<ModelEntry>> {
    refuseFaults(body);
    refuseFileName(this.#entries, body.name, 'name');
    const { organizationId } = caller;
    const { name, strategy, affinity, enabled, fallbacks } = body;
    const now = this.#context.clock.now();
    const id = this.#context.clock.newId('model_');
    const times = { created_at: now, updated_at: now };
    const fields = { id, organization_id: organizationId, name, strategy, affinity, enabled };
    await this.#commit(name, async (transaction) => {
      const members = await membersOf(transaction, organizationId, body.deployments);
      await insertModel(transaction, { ...fields, ...times });
      await replaceMembers(transaction, id, members);
      await replaceFallbacks(transaction, id, fallbacks);
      const after = { ...fields, fallbacks, deployments: members };
      const change = { action: 'models.create' as const, id, before: null, after };
      await recordEntry(transaction, this.#context, { changer: caller, ...change });
    });
    return this.get(caller, id);
  }

  async list({ organizationId }: Caller, page: ListQuery): Promise<PageOf<Sourced<ModelEntry>>> {
    const { database } = this.#context;
    return pageOf<ModelEntry>(page, {
      file: this.#entries,
      find: (id) => findModel(database, { organizationId, id }),
      list: (after, limit) => listModels(database, { organizationId, after, limit }),
    });
  }

  async get({ organizationId }: Caller, id: string): Promise<Sourced<ModelEntry>> {
    const entry = this.#entries.find((one) => one.id === id);
    if (entry !== undefined) return { ...entry, source: 'file' };
    const row = await findModel(this.#context.database, { organizationId, id });
    if (row === undefined) throw configuredModelNotFound(id);
    return { ...row, source: 'database' };
  }

  async update(caller: Caller, id: string, patch: ModelPatch): Promise<Sourced<ModelEntry>> {
    refuseFileEntry(this.#entries, id, PARAM);
    if (patch.name !== undefined) refuseFileName(this.#entries, patch.name, 'name');
    const { organizationId } = caller;
    const { deployments, fallbacks, ...fields } = patch;
    await this.#commit(patch.name ?? '', async (transaction) => {
      const before = await lockModel(transaction, { organizationId, id });
      if (before === undefined) throw configuredModelNotFound(id);
      refuseFileName(this.#entries, before.name, PARAM);
      const after = { ...before, ...fields, updated_at: this.#context.clock.now() };
      refuseFaults({
        name: after.name,
        deployments: deployments ?? [],
        fallbacks: fallbacks ?? before.fallbacks,
      });
      await updateModel(transaction, after);
      if (deployments !== undefined) {
        const members = await membersOf(transaction, organizationId, deployments);
        await replaceMembers(transaction, id, members);
      }
      if (fallbacks !== undefined) await replaceFallbacks(transaction, id, fallbacks);
      const change = {
        action: 'models.update' as const,
        id,
        before,
        after: { ...after, ...patch },
      };
      await recordEntry(transaction, this.#context, { changer: caller, ...change });
    });
    return this.get(caller, id);
  }

  async delete(caller: Caller, id: string): Promise<void> {
    refuseFileEntry(this.#entries, id, PARAM);
    await commitChange(this.#context, '', async (transaction) => {
      const row = await lockModel(transaction, { organizationId: caller.organizationId, id });
      if (row === undefined) throw configuredModelNotFound(id);
      refuseFileName(this.#entries, row.name, PARAM);
      await deleteModel(transaction, id);
      const change = { action: 'models.delete' as const, id, before: row, after: null };
      await recordEntry(transaction, this.#context, { changer: caller, ...change });
    });
  }

  get #entries(): readonly ModelEntry[] {
    return this.#context.file().models;
  }

  async #commit(name: string, work: (transaction: Transaction) => Promise<void>): Promise<void> {
    await commitChange(this.#context, name, work).catch((error: unknown) => {
      if (!isForeignKeyViolation(error)) throw error;
      // Deleted in between.
      throw unknownReference('deployments', 'deployment', 'that was just deleted');
    });
  }
}

/** What the request calls a deployment, to its id. */
async function membersOf(
  transaction: SqlExecutor,
  organizationId: string,
  members: readonly MemberBody[],
): Promise<MemberRow[]> {
  const references = members.map(({ deployment }) => deployment);
  const ids = await findDeploymentIds(transaction, organizationId, references);
  const seen = new Set<string>();
  return members.map(({ deployment, weight, tier }, index) => {
    const param = `deployments[${index}].deployment`;
    const id = ids.get(deployment);
    if (id === undefined) throw unknownReference(param, 'deployment', deployment);
    // Once by its name and once by its id.
    if (seen.has(id)) throw invalidModel({ field: param, message: 'stands here twice' });
    seen.add(id);
    return { deployment_id: id, weight, tier };
  });
}

function refuseFaults(model: Parameters<typeof modelFaults>[0]): void {
  const [fault] = modelFaults(model);
  if (fault !== undefined) throw invalidModel(fault);
}
