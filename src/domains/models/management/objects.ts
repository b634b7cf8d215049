import { unixSeconds } from '../../identity/index.ts';
import type { DeploymentEntry, ModelEntry, ProviderEntry } from '../definitions/entries.ts';
import { servedByKind } from '../definitions/provider-kinds.ts';
import type { DetectedServer } from '../upstreams/detect-servers.ts';
import type { ProviderTest } from '../upstreams/test-provider.ts';
import type { Sourced } from './page.ts';

const TEST_MODELS_MAX = 200;

/** A provider on the wire: field by field, so that a credential cannot slip in. */
export function providerObject(provider: Sourced<ProviderEntry>) {
  return {
    id: provider.id,
    object: 'provider' as const,
    name: provider.name,
    kind: provider.kind,
    base_url: provider.base_url,
    api_version: provider.api_version,
    region: provider.region,
    credential_set: provider.credential_set,
    credential_hint: provider.credential_hint,
    enabled: provider.enabled,
    source: provider.source,
    created_at: unixSeconds(provider.created_at),
    updated_at: unixSeconds(provider.updated_at),
  };
}

export function deploymentObject(deployment: Sourced<DeploymentEntry>) {
  return {
    id: deployment.id,
    object: 'deployment' as const,
    name: deployment.name,
    provider: deployment.provider_name,
    provider_id: deployment.provider_id,
    upstream_model: deployment.upstream_model,
    serves: deployment.serves ?? servedByKind(deployment.provider_kind),
    enabled: deployment.enabled,
    source: deployment.source,
    created_at: unixSeconds(deployment.created_at),
    updated_at: unixSeconds(deployment.updated_at),
  };
}

export function configuredModelObject(model: Sourced<ModelEntry>) {
  return {
    id: model.id,
    object: 'model.configuration' as const,
    name: model.name,
    deployments: model.deployments.map((member) => ({
      deployment: member.deployment_name,
      deployment_id: member.deployment_id,
      weight: member.weight,
      tier: member.tier,
    })),
    strategy: model.strategy,
    affinity: model.affinity,
    fallbacks: model.fallbacks,
    enabled: model.enabled,
    source: model.source,
    created_at: unixSeconds(model.created_at),
    updated_at: unixSeconds(model.updated_at),
  };
}

export function providerTestObject(test: ProviderTest) {
  return {
    object: 'provider.test' as const,
    ok: test.outcome === 'ok',
    outcome: test.outcome,
    message: test.message,
    status: test.status,
    duration_ms: test.durationMs,
    models: test.models.slice(0, TEST_MODELS_MAX),
    models_total: test.models.length,
  };
}

/** An offer: `provider` is what `POST /providers` takes. */
export function detectedServerObject({ name, title, baseUrl, models }: DetectedServer) {
  return {
    object: 'provider.offer' as const,
    title,
    provider: { name, kind: 'openai-compatible' as const, base_url: baseUrl },
    models: models.slice(0, TEST_MODELS_MAX),
    models_total: models.length,
  };
}
