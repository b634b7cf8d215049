import type { SqlExecutor } from '../../../ports/database.ts';
import type { DeploymentDefinition, ModelDefinition } from '../definitions/definition.ts';
import type { ConfigurableKind } from '../schemas.ts';

const ROWS_MAX = 20_000;

/** A provider with its credential as it is kept. */
export interface SealedProvider {
  readonly id: string;
  readonly name: string;
  readonly kind: ConfigurableKind;
  readonly baseUrl: string | null;
  readonly apiVersion: string | null;
  readonly region: string | null;
  readonly credential: string | null;
  readonly enabled: boolean;
}

export interface SealedDefinitions {
  readonly providers: readonly SealedProvider[];
  readonly deployments: readonly DeploymentDefinition[];
  readonly models: readonly ModelDefinition[];
}

const PROVIDERS = `select jsonb_agg(jsonb_build_object('id', id, 'name', name, 'kind', kind, 'baseUrl', base_url,
    'apiVersion', api_version, 'region', region, 'credential', credential, 'enabled', enabled)
    order by created_at, id)
  from (select * from providers order by created_at, id limit $1) p`;

const DEPLOYMENTS = `select jsonb_agg(jsonb_build_object('id', id, 'name', name, 'providerId', provider_id,
    'upstreamModel', upstream_model, 'serves', serves, 'enabled', enabled) order by created_at, id)
  from (select * from deployments order by created_at, id limit $1) d`;

const MODELS = `select jsonb_agg(jsonb_build_object('name', name, 'strategy', strategy, 'affinity', affinity,
    'enabled', enabled, 'created', floor(extract(epoch from created_at))::bigint,
    'members', coalesce((select jsonb_agg(jsonb_build_object('deploymentId', md.deployment_id,
        'weight', md.weight, 'tier', md.tier) order by md.position)
      from model_deployments md where md.model_id = m.id), '[]'::jsonb),
    'fallbacks', coalesce((select jsonb_agg(f.fallback_name order by f.position)
      from model_fallbacks f where f.model_id = m.id), '[]'::jsonb)) order by created_at, id)
  from (select * from models order by created_at, id limit $1) m`;

/** Everything in one statement, so that what it returns held at one moment. */
export async function loadDefinitions(
  database: SqlExecutor,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<SealedDefinitions> {
  const { rows } = await database.execute<{ [K in keyof SealedDefinitions]: unknown[] | null }>(
    {
      sql: `select (${PROVIDERS}) as providers, (${DEPLOYMENTS}) as deployments, (${MODELS}) as models`,
      parameters: [ROWS_MAX],
    },
    options,
  );
  const [row] = rows;
  return {
    providers: (row?.providers ?? []) as SealedProvider[],
    deployments: (row?.deployments ?? []) as DeploymentDefinition[],
    models: (row?.models ?? []) as ModelDefinition[],
  };
}
