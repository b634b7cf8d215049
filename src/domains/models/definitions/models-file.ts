import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { ConfigurableKind, DeploymentBody, ModelBody, ProviderBody } from '../schemas.ts';
import { credentialHint } from './credential-hint.ts';
import type { Definitions } from './definition.ts';
import type { DeploymentEntry, ModelEntry, ProviderEntry } from './entries.ts';
import { keptUrl } from './provider-kinds.ts';

/** The configuration file and what may stand in it. */
export interface ModelsFileSource {
  readonly path: string;
  /** What `${NAME}` stands for. */
  readonly textOf: (name: string) => string | undefined;
}

/** What the configuration file holds, read and found right. */
export interface FileBody {
  readonly providers: readonly ProviderBody[];
  readonly deployments: readonly DeploymentBody[];
  readonly models: readonly ModelBody[];
}

/** The file as the catalogue and as the API see it. */
export interface ModelsFile {
  readonly definitions: Definitions;
  readonly providers: readonly ProviderEntry[];
  readonly deployments: readonly DeploymentEntry[];
  readonly models: readonly ModelEntry[];
}

export const EMPTY_FILE: FileBody = { providers: [], deployments: [], models: [] };

const ID_LENGTH = 24;

/** References in `body` must exist. */
export function modelsFileOf(body: FileBody, loadedAt: Date): ModelsFile {
  const times = { created_at: loadedAt, updated_at: loadedAt };
  const kinds = new Map(body.providers.map(({ name, kind }) => [name, kind]));
  return {
    definitions: definitionsOf(body, loadedAt),
    providers: sorted(body.providers.map((one) => ({ ...providerEntry(one), ...times }))),
    deployments: sorted(
      body.deployments.map((one) => ({ ...deploymentEntry(one, kinds), ...times })),
    ),
    models: sorted(body.models.map((one) => ({ ...modelEntry(one), ...times }))),
  };
}

/** The file with the credential ids of the one before, as far as credentials are the same: their health goes on. */
export function continuing(file: ModelsFile, before: ModelsFile): ModelsFile {
  const known = new Map(before.definitions.providers.map((provider) => [provider.id, provider]));
  const providers = file.definitions.providers.map((provider) => {
    const previous = known.get(provider.id);
    const isSame = isDeepStrictEqual(previous?.credential, provider.credential);
    return previous !== undefined && isSame
      ? { ...provider, credentialId: previous.credentialId }
      : provider;
  });
  return { ...file, definitions: { ...file.definitions, providers } };
}

/** The same at every reading, so that health and limits go on over a reload. */
function fileId(prefix: string, name: string): string {
  const digest = BigInt(`0x${hash('sha256', `file:${name}`, 'hex')}`).toString(36);
  return prefix + digest.slice(0, ID_LENGTH);
}
const providerId = (name: string) => fileId('prov_', name);
const deploymentId = (name: string) => fileId('dep_', name);

function sorted<T extends { name: string }>(entries: T[]): T[] {
  return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
}

function providerEntry(body: ProviderBody): Omit<ProviderEntry, 'created_at' | 'updated_at'> {
  const { name, kind, enabled, credential = null } = body;
  return {
    id: providerId(name),
    name,
    kind,
    base_url: keptUrl(body.base_url),
    api_version: body.api_version ?? null,
    region: body.region ?? null,
    credential_set: credential !== null,
    credential_hint: credentialHint(credential),
    enabled,
  };
}

function deploymentEntry(
  body: DeploymentBody,
  kinds: ReadonlyMap<string, ConfigurableKind>,
): Omit<DeploymentEntry, 'created_at' | 'updated_at'> {
  const { name, provider, upstream_model, serves = null, enabled } = body;
  const provider_kind = kinds.get(provider);
  if (provider_kind === undefined) throw new Error(`the file has no provider '${provider}'`);
  return {
    id: deploymentId(name),
    name,
    provider_id: providerId(provider),
    provider_name: provider,
    provider_kind,
    upstream_model,
    serves,
    enabled,
  };
}

function modelEntry(body: ModelBody): Omit<ModelEntry, 'created_at' | 'updated_at'> {
  const { deployments, ...rest } = body;
  const members = deployments.map(({ deployment, weight, tier }) => ({
    deployment_id: deploymentId(deployment),
    deployment_name: deployment,
    weight,
    tier,
  }));
  return { id: fileId('model_', body.name), ...rest, deployments: members };
}

function definitionsOf({ providers, deployments, models }: FileBody, loadedAt: Date): Definitions {
  const created = Math.floor(loadedAt.getTime() / 1000);
  return {
    providers: providers.map((body) => {
      const { id, name, kind, base_url, api_version, region, enabled } = providerEntry(body);
      return {
        id,
        name,
        kind,
        baseUrl: base_url,
        apiVersion: api_version,
        region,
        credential: body.credential ?? null,
        credentialId: `${id}.${loadedAt.getTime().toString(36)}`,
        enabled,
      };
    }),
    deployments: deployments.map(({ name, provider, upstream_model, serves = null, enabled }) => ({
      id: deploymentId(name),
      name,
      providerId: providerId(provider),
      upstreamModel: upstream_model,
      serves,
      enabled,
    })),
    models: models.map(
      ({ name, strategy, affinity, enabled, fallbacks, deployments: members }) => ({
        name,
        strategy,
        affinity,
        enabled,
        created,
        fallbacks,
        members: members.map(({ deployment, weight, tier }) => ({
          deploymentId: deploymentId(deployment),
          weight,
          tier,
        })),
      }),
    ),
  };
}
