import type { Endpoint, RoutingStrategy } from '../model.ts';
import type { ConfigurableKind } from '../schemas.ts';

/** Where an entry is kept; those of the file cannot be changed by the API. */
export type EntrySource = 'database' | 'file';

interface Entry {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** A provider as people see it, without its credential. */
export interface ProviderEntry extends Entry {
  readonly kind: ConfigurableKind;
  readonly base_url: string | null;
  readonly api_version: string | null;
  readonly region: string | null;
  readonly credential_set: boolean;
  readonly credential_hint: string | null;
}

export interface DeploymentEntry extends Entry {
  readonly provider_id: string;
  readonly provider_name: string;
  readonly provider_kind: ConfigurableKind;
  readonly upstream_model: string;
  readonly serves: readonly Endpoint[] | null;
}

export interface MemberEntry {
  readonly deployment_id: string;
  readonly deployment_name: string;
  readonly weight: number;
  readonly tier: number;
}

export interface ModelEntry extends Entry {
  readonly strategy: RoutingStrategy;
  readonly affinity: boolean;
  readonly deployments: readonly MemberEntry[];
  readonly fallbacks: readonly string[];
}
