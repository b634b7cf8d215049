import type { Endpoint, RoutingStrategy } from '../model.ts';
import type { ConfigurableKind, CredentialBody } from '../schemas.ts';

/** A provider as the catalogue needs it, its credential in plain text. */
export interface ProviderDefinition {
  readonly id: string;
  readonly name: string;
  readonly kind: ConfigurableKind;
  readonly baseUrl: string | null;
  readonly apiVersion: string | null;
  readonly region: string | null;
  readonly credential: CredentialBody | null;
  /** Another one for each credential, so that a refused one does not count against its successor. */
  readonly credentialId: string;
  /** It comes from the API and not from the operator's file. */
  readonly isUserSet?: boolean;
  /** Why it cannot be called, for people. */
  readonly fault?: string;
  readonly enabled: boolean;
}

export interface DeploymentDefinition {
  readonly id: string;
  readonly name: string;
  readonly providerId: string;
  readonly upstreamModel: string;
  /** Null: what its kind of provider serves. */
  readonly serves: readonly Endpoint[] | null;
  readonly enabled: boolean;
}

export interface ModelDefinition {
  readonly name: string;
  readonly strategy: RoutingStrategy;
  readonly affinity: boolean;
  readonly enabled: boolean;
  /** Unix seconds. */
  readonly created: number;
  readonly members: readonly {
    readonly deploymentId: string;
    readonly weight: number;
    readonly tier: number;
  }[];
  readonly fallbacks: readonly string[];
}

/** Everything that one source defines. */
export interface Definitions {
  readonly providers: readonly ProviderDefinition[];
  readonly deployments: readonly DeploymentDefinition[];
  readonly models: readonly ModelDefinition[];
}

export const NO_DEFINITIONS: Definitions = { providers: [], deployments: [], models: [] };
