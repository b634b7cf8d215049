import { OutboundRefusedError } from '../../../lib/outbound-guard/index.ts';
import type { Changer, PageOf } from '../../identity/index.ts';
import { credentialHint } from '../definitions/credential-hint.ts';
import type { ProviderEntry } from '../definitions/entries.ts';
import {
  endpointOf,
  keptUrl,
  providerFaults,
  type ProviderPlace,
} from '../definitions/provider-kinds.ts';
import {
  addressNotAllowed,
  credentialRequired,
  credentialUnreadable,
  invalidProvider,
  providerInUse,
  providerNotFound,
} from '../errors.ts';
import type { CredentialBody, ListQuery, ProviderBody, ProviderPatch } from '../schemas.ts';
import {
  commitChange,
  isForeignKeyViolation,
  type ManagementContext,
  recordEntry,
  refuseFileEntry,
  refuseFileName,
} from './change.ts';
import { pageOf, type Sourced } from './page.ts';
import {
  deleteProvider,
  findProvider,
  insertProvider,
  listProviders,
  listProviderUsers,
  lockProvider,
  type ProviderRow,
  updateProvider,
} from './provider-repository.ts';
import { openCredential, sealCredential } from './sealed-credential.ts';

type Caller = Changer;
const PARAM = 'provider_id';

/** Providers of one organization. Ids of other organizations are treated as missing. */
export class ProviderService {
  readonly #context: ManagementContext;

  constructor(context: ManagementContext) {
    this.#context = context;
  }

  async create(changer: Caller, body: ProviderBody): Promise<Sourced<ProviderEntry>> {
    refuseFaults(body);
    refuseFileName(this.#entries, body.name, 'name');
    await this.#refuseInnerPlace(body.base_url);
    const now = this.#context.clock.now();
    const { credential = null } = body;
    const id = this.#context.clock.newId('prov_');
    const row: ProviderRow = {
      id,
      organization_id: changer.organizationId,
      name: body.name,
      kind: body.kind,
      base_url: keptUrl(body.base_url),
      api_version: body.api_version ?? null,
      region: body.region ?? null,
      ...this.#sealed(id, credential),
      enabled: body.enabled,
      created_at: now,
      updated_at: now,
    };
    await commitChange(this.#context, row.name, async (transaction) => {
      await insertProvider(transaction, row);
      const change = { action: 'providers.create' as const, id, before: null, after: row };
      await recordEntry(transaction, this.#context, { changer, ...change });
    });
    return { ...row, source: 'database' };
  }

  async list({ organizationId }: Caller, page: ListQuery): Promise<PageOf<Sourced<ProviderEntry>>> {
    const { database } = this.#context;
    return pageOf<ProviderEntry>(page, {
      file: this.#entries,
      find: (id) => findProvider(database, { organizationId, id }),
      list: (after, limit) => listProviders(database, { organizationId, after, limit }),
    });
  }

  async get(caller: Caller, id: string): Promise<Sourced<ProviderEntry>> {
    const entry = this.#entries.find((one) => one.id === id);
    if (entry !== undefined) return { ...entry, source: 'file' };
    return { ...(await this.#find(caller, id)), source: 'database' };
  }

  async update(changer: Caller, id: string, patch: ProviderPatch): Promise<Sourced<ProviderEntry>> {
    refuseFileEntry(this.#entries, id, PARAM);
    if (patch.name !== undefined) refuseFileName(this.#entries, patch.name, 'name');
    await this.#refuseInnerPlace(patch.base_url);
    const row = await commitChange(this.#context, patch.name ?? '', async (transaction) => {
      const before = await lockProvider(transaction, {
        organizationId: changer.organizationId,
        id,
      });
      if (before === undefined) throw providerNotFound(id);
      refuseFileName(this.#entries, before.name, PARAM);
      const after = this.#patched(before, patch);
      await updateProvider(transaction, after);
      const change = { action: 'providers.update' as const, id, before, after };
      await recordEntry(transaction, this.#context, { changer, ...change });
      return after;
    });
    return { ...row, source: 'database' };
  }

  async delete(changer: Caller, id: string): Promise<void> {
    refuseFileEntry(this.#entries, id, PARAM);
    const { database } = this.#context;
    try {
      await commitChange(this.#context, '', async (transaction) => {
        const row = await lockProvider(transaction, { organizationId: changer.organizationId, id });
        if (row === undefined) throw providerNotFound(id);
        refuseFileName(this.#entries, row.name, PARAM);
        await deleteProvider(transaction, id);
        const change = { action: 'providers.delete' as const, id, before: row, after: null };
        await recordEntry(transaction, this.#context, { changer, ...change });
      });
    } catch (error) {
      if (!isForeignKeyViolation(error)) throw error;
      throw providerInUse((await listProviderUsers(database, id)).join(', '));
    }
  }

  /** How a provider is called; rejects when its credential cannot be opened. */
  async endpoint(caller: Caller, id: string) {
    const { definitions } = this.#context.file();
    const definition =
      definitions.providers.find((one) => one.id === id) ??
      this.#placeOf(await this.#find(caller, id));
    return { kind: definition.kind, endpoint: endpointOf(definition) };
  }

  /** The service behind the address would be ours to call, whoever may reach it otherwise. */
  async #refuseInnerPlace(url: string | null | undefined): Promise<void> {
    if (typeof url !== 'string' || !URL.canParse(url)) return;
    try {
      await this.#context.guard.check(new URL(url));
    } catch (error) {
      if (!(error instanceof OutboundRefusedError)) throw error;
      throw addressNotAllowed(error.place);
    }
  }

  get #entries(): readonly ProviderEntry[] {
    return this.#context.file().providers;
  }

  async #find({ organizationId }: Caller, id: string): Promise<ProviderRow> {
    const row = await findProvider(this.#context.database, { organizationId, id });
    if (row === undefined) throw providerNotFound(id);
    return row;
  }

  #sealed(id: string, credential: CredentialBody | null) {
    return {
      credential: credential && sealCredential(this.#context.box, id, credential),
      credential_set: credential !== null,
      credential_hint: credentialHint(credential),
    };
  }

  #patched(before: ProviderRow, patch: ProviderPatch): ProviderRow {
    const { name, base_url, api_version, region, enabled, credential } = patch;
    const after: ProviderRow = {
      ...before,
      ...(name !== undefined && { name }),
      ...(base_url !== undefined && { base_url: keptUrl(base_url) }),
      ...(api_version !== undefined && { api_version }),
      ...(region !== undefined && { region }),
      ...(enabled !== undefined && { enabled }),
      ...(credential !== undefined && this.#sealed(before.id, credential)),
      updated_at: this.#context.clock.now(),
    };
    refuseFaults({ ...after, credential });
    const moves = hostOf(before) !== hostOf(after);
    if (moves && before.credential_set && credential === undefined) throw credentialRequired();
    return after;
  }

  #placeOf(row: ProviderRow): ProviderPlace {
    const opened = openCredential(this.#context.box, row);
    if ('fault' in opened) throw credentialUnreadable(opened.fault);
    return {
      kind: row.kind,
      baseUrl: row.base_url,
      apiVersion: row.api_version,
      region: row.region,
      credential: opened.credential,
      isUserSet: true,
    };
  }
}

function refuseFaults(provider: Parameters<typeof providerFaults>[0]): void {
  const [fault] = providerFaults(provider);
  if (fault !== undefined) throw invalidProvider(fault);
}

/** Who would get the credential. */
function hostOf({ kind, base_url: baseUrl, region }: ProviderRow): string {
  const place = { kind, baseUrl, region, apiVersion: null, credential: null };
  return new URL(endpointOf(place).baseUrl).origin;
}
