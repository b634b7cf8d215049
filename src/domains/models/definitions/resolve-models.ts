import type { Deployment, Model, UpstreamEndpoint } from '../model.ts';
import type {
  Definitions,
  DeploymentDefinition,
  ModelDefinition,
  ProviderDefinition,
} from './definition.ts';
import { endpointOf, servedByKind } from './provider-kinds.ts';

export interface ResolvedModels {
  readonly models: readonly Model[];
  /** Configured, but not to be served: why, or null when it is switched off. */
  readonly withheld: ReadonlyMap<string, string | null>;
}

/**
 * Definitions to models with everything in place that a call needs. A name of the file stands for the stored entry of
 * the same name wherever that one is referred to; of stored models with one name the oldest counts.
 */
export function resolveModels(file: Definitions, stored: Definitions): ResolvedModels {
  const context: Context = {
    providers: overlaid(file.providers, stored.providers),
    deployments: overlaid(file.deployments, stored.deployments),
    endpoints: new Map(),
  };
  const models = new Map<string, Model>();
  const withheld = new Map<string, string | null>();
  for (const definition of [...file.models, ...stored.models]) {
    const { name } = definition;
    if (models.has(name) || withheld.has(name)) continue;
    const resolved = definition.enabled ? modelOf(definition, context) : null;
    if (resolved === null || typeof resolved === 'string') withheld.set(name, resolved);
    else models.set(name, resolved);
  }
  return { models: [...models.values()], withheld };
}

interface Context {
  readonly providers: ReadonlyMap<string, ProviderDefinition>;
  readonly deployments: ReadonlyMap<string, DeploymentDefinition>;
  /** One object for each provider, so that its deployments share it. */
  readonly endpoints: Map<string, UpstreamEndpoint>;
}

/** By id; whoever refers to an entry that the file names too gets the file's. */
function overlaid<T extends { id: string; name: string }>(
  winning: readonly T[],
  other: readonly T[],
): ReadonlyMap<string, T> {
  const byName = new Map(winning.map((one) => [one.name, one]));
  const pairs = [...winning, ...other].map((one) => [one.id, byName.get(one.name) ?? one] as const);
  return new Map(pairs);
}

/** The model, or why it cannot be served. */
function modelOf(definition: ModelDefinition, context: Context): Model | string {
  const { name, created, strategy, affinity, fallbacks, members } = definition;
  const resolved = members.map((member) => ({ member, place: placeOf(member, context) }));
  const deployments = resolved.flatMap(({ member: { weight, tier }, place }) =>
    typeof place === 'string' ? [] : [{ ...place, weight, tier }],
  );
  const [first] = deployments;
  if (first === undefined) {
    const reasons = resolved.map(({ place }) => place).filter((place) => typeof place === 'string');
    return [...new Set(reasons)].join('; ') || 'it has no deployments';
  }
  const ownedBy = providerNameOf(members[0]?.deploymentId, context) ?? first.provider;
  return { name, created, ownedBy, deployments, strategy, affinity, fallbacks, label: name };
}

/** The deployment without its share in the model, or why it cannot be called. */
function placeOf(
  { deploymentId }: { deploymentId: string },
  context: Context,
): Omit<Deployment, 'weight' | 'tier'> | string {
  const deployment = context.deployments.get(deploymentId);
  const provider = deployment && context.providers.get(deployment.providerId);
  if (deployment === undefined || provider === undefined) return 'a deployment is missing';
  const { id, name, upstreamModel, serves } = deployment;
  if (!deployment.enabled) return `the deployment '${name}' is switched off`;
  if (!provider.enabled) return `the provider '${provider.name}' is switched off`;
  if (provider.fault !== undefined) return provider.fault;
  return {
    id,
    name,
    provider: provider.kind,
    credentialId: provider.credentialId,
    upstreamModel,
    endpoint: sharedEndpoint(provider, context),
    serves: new Set(serves ?? servedByKind(provider.kind)),
  };
}

function sharedEndpoint(provider: ProviderDefinition, { endpoints }: Context): UpstreamEndpoint {
  const known = endpoints.get(provider.id);
  if (known !== undefined) return known;
  const endpoint = endpointOf(provider);
  endpoints.set(provider.id, endpoint);
  return endpoint;
}

function providerNameOf(deploymentId: string | undefined, context: Context): string | undefined {
  const deployment = context.deployments.get(deploymentId ?? '');
  return deployment && context.providers.get(deployment.providerId)?.name;
}
