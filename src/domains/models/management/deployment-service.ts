import type { Changer, PageOf } from '../../identity/index.ts';
import type { DeploymentEntry } from '../definitions/entries.ts';
import { deploymentInUse, deploymentNotFound, unknownReference } from '../errors.ts';
import type { DeploymentBody, DeploymentPatch, ListQuery } from '../schemas.ts';
import {
  commitChange,
  isForeignKeyViolation,
  type ManagementContext,
  recordEntry,
  refuseFileEntry,
  refuseFileName,
} from './change.ts';
import {
  deleteDeployment,
  type DeploymentRow,
  findDeployment,
  insertDeployment,
  listDeployments,
  listDeploymentUsers,
  lockDeployment,
  updateDeployment,
} from './deployment-repository.ts';
import { pageOf, type Sourced } from './page.ts';
import { findProviderByReference } from './provider-repository.ts';

type Caller = Changer;
const PARAM = 'deployment_id';

/** Deployments of one organization. Ids of other organizations are treated as missing. */
export class DeploymentService {
  readonly #context: ManagementContext;

  constructor(context: ManagementContext) {
    this.#context = context;
  }

  async create(changer: Caller, body: DeploymentBody): Promise<Sourced<DeploymentEntry>> {
    refuseFileName(this.#entries, body.name, 'name');
    const { database, clock } = this.#context;
    const { organizationId } = changer;
    const reference = { organizationId, id: body.provider };
    const provider = await findProviderByReference(database, reference);
    if (provider === undefined) throw unknownReference('provider', 'provider', body.provider);
    const now = clock.now();
    const row: DeploymentRow = {
      id: clock.newId('dep_'),
      organization_id: organizationId,
      name: body.name,
      provider_id: provider.id,
      provider_name: provider.name,
      provider_kind: provider.kind,
      upstream_model: body.upstream_model,
      serves: body.serves ?? null,
      enabled: body.enabled,
      created_at: now,
      updated_at: now,
    };
    try {
      await commitChange(this.#context, row.name, async (transaction) => {
        await insertDeployment(transaction, row);
        const change = { action: 'deployments.create' as const, before: null, after: row };
        await recordEntry(transaction, this.#context, { changer, id: row.id, ...change });
      });
    } catch (error) {
      // Deleted in between.
      if (!isForeignKeyViolation(error)) throw error;
      throw unknownReference('provider', 'provider', body.provider);
    }
    return { ...row, source: 'database' };
  }

  async list(
    { organizationId }: Caller,
    page: ListQuery,
  ): Promise<PageOf<Sourced<DeploymentEntry>>> {
    const { database } = this.#context;
    return pageOf<DeploymentEntry>(page, {
      file: this.#entries,
      find: (id) => findDeployment(database, { organizationId, id }),
      list: (after, limit) => listDeployments(database, { organizationId, after, limit }),
    });
  }

  async get({ organizationId }: Caller, id: string): Promise<Sourced<DeploymentEntry>> {
    const entry = this.#entries.find((one) => one.id === id);
    if (entry !== undefined) return { ...entry, source: 'file' };
    const row = await findDeployment(this.#context.database, { organizationId, id });
    if (row === undefined) throw deploymentNotFound(id);
    return { ...row, source: 'database' };
  }

  async update(
    changer: Caller,
    id: string,
    patch: DeploymentPatch,
  ): Promise<Sourced<DeploymentEntry>> {
    refuseFileEntry(this.#entries, id, PARAM);
    if (patch.name !== undefined) refuseFileName(this.#entries, patch.name, 'name');
    const row = await commitChange(this.#context, patch.name ?? '', async (transaction) => {
      const before = await lockDeployment(transaction, {
        organizationId: changer.organizationId,
        id,
      });
      if (before === undefined) throw deploymentNotFound(id);
      refuseFileName(this.#entries, before.name, PARAM);
      const after = { ...before, ...patch, updated_at: this.#context.clock.now() };
      await updateDeployment(transaction, after);
      const change = { action: 'deployments.update' as const, id, before, after };
      await recordEntry(transaction, this.#context, { changer, ...change });
      return after;
    });
    return { ...row, source: 'database' };
  }

  async delete(changer: Caller, id: string): Promise<void> {
    refuseFileEntry(this.#entries, id, PARAM);
    try {
      await commitChange(this.#context, '', async (transaction) => {
        const row = await lockDeployment(transaction, {
          organizationId: changer.organizationId,
          id,
        });
        if (row === undefined) throw deploymentNotFound(id);
        refuseFileName(this.#entries, row.name, PARAM);
        await deleteDeployment(transaction, id);
        const change = { action: 'deployments.delete' as const, id, before: row, after: null };
        await recordEntry(transaction, this.#context, { changer, ...change });
      });
    } catch (error) {
      if (!isForeignKeyViolation(error)) throw error;
      throw deploymentInUse((await listDeploymentUsers(this.#context.database, id)).join(', '));
    }
  }

  get #entries(): readonly DeploymentEntry[] {
    return this.#context.file().deployments;
  }
}
