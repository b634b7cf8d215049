import type { Endpoint, UpstreamEndpoint } from '../model.ts';
import type { ConfigurableKind, CredentialBody } from '../schemas.ts';
import type { ProviderDefinition } from './definition.ts';

/** Something that the form allows and the kind does not. `field` is a path like `credential.api_key`. */
export interface Fault {
  readonly field: string;
  readonly message: string;
}

interface KindRules {
  /** Undefined: every installation has an address of its own. */
  readonly publicUrl?: (region: string) => string;
  readonly hasApiVersion?: true;
  readonly hasRegion?: true;
  readonly serves: readonly Endpoint[];
}

const KINDS: Readonly<Record<ConfigurableKind, KindRules>> = {
  'openai-compatible': {
    publicUrl: () => 'https://api.openai.com/v1',
    serves: ['chat.completions', 'completions', 'embeddings'],
  },
  azure: { hasApiVersion: true, serves: ['chat.completions', 'completions', 'embeddings'] },
  anthropic: {
    publicUrl: () => 'https://api.anthropic.com/v1',
    serves: ['chat.completions', 'messages'],
  },
  google: {
    publicUrl: () => 'https://generativelanguage.googleapis.com/v1beta',
    serves: ['chat.completions', 'embeddings'],
  },
  bedrock: {
    publicUrl: (region) => `https://bedrock-runtime.${region}.amazonaws.com`,
    hasRegion: true,
    serves: ['chat.completions', 'embeddings'],
  },
};

/** What a deployment serves that does not say so itself. */
export function servedByKind(kind: ConfigurableKind): readonly Endpoint[] {
  return KINDS[kind].serves;
}

export interface ProviderFields {
  readonly kind: ConfigurableKind;
  readonly base_url?: string | null;
  readonly api_version?: string | null;
  readonly region?: string | null;
  readonly credential?: CredentialBody | null;
}

/** Everything that is wrong with a provider beyond its form. */
export function providerFaults(provider: ProviderFields): Fault[] {
  const { kind, base_url: url, api_version: version, region, credential } = provider;
  const rules = KINDS[kind];
  const faults: Fault[] = [];
  const say = (field: string, message: string) => faults.push({ field, message });
  if (typeof url === 'string') faults.push(...urlFaults(url));
  else if (rules.publicUrl === undefined) say('base_url', `is required for the kind '${kind}'`);
  if (typeof version === 'string' && rules.hasApiVersion !== true)
    say('api_version', `does not exist for the kind '${kind}'`);
  if (typeof region === 'string' && rules.hasRegion !== true)
    say('region', `does not exist for the kind '${kind}'`);
  if (typeof region !== 'string' && rules.hasRegion === true)
    say('region', `is required for the kind '${kind}'`);
  if (credential) faults.push(...credentialFaults(kind, credential));
  return faults;
}

function urlFaults(text: string): Fault[] {
  const fault = (message: string) => [{ field: 'base_url', message }];
  if (!/^https?:\/\/[^/?#\s]/i.test(text) || !URL.canParse(text))
    return fault('must be a URL that begins with http:// or https://');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '')
    return fault('must not hold a user or password; use `credential`');
  if (/[?#]/.test(text)) return fault('must not hold a query or a fragment');
  return [];
}

function credentialFaults(kind: ConfigurableKind, credential: CredentialBody): Fault[] {
  const { api_key, access_key_id, secret_access_key, session_token } = credential;
  const awsFields = { access_key_id, secret_access_key, session_token };
  const aws = Object.entries(awsFields).filter(([, value]) => value !== undefined);
  const fault = (name: string, message: string) => [{ field: `credential.${name}`, message }];
  if (kind !== 'bedrock') {
    const [unknown] = aws;
    if (unknown !== undefined) return fault(unknown[0], `does not exist for the kind '${kind}'`);
    return api_key === undefined ? fault('api_key', 'is required') : [];
  }
  if (aws.length === 0)
    return api_key === undefined
      ? fault('api_key', 'is required, or `access_key_id` and `secret_access_key`')
      : [];
  if (api_key !== undefined) return fault('api_key', 'cannot stand beside an access key');
  if (access_key_id === undefined) return fault('access_key_id', 'is required');
  return secret_access_key === undefined ? fault('secret_access_key', 'is required') : [];
}

/** The address as it is kept: without a slash at its end. */
export function keptUrl(url: string | null | undefined): string | null {
  return typeof url === 'string' ? url.replace(/\/+$/, '') : null;
}

export type ProviderPlace = Pick<
  ProviderDefinition,
  'kind' | 'baseUrl' | 'apiVersion' | 'region' | 'credential' | 'isUserSet'
>;

/** Where a provider is called, and how. */
export function endpointOf(provider: ProviderPlace): UpstreamEndpoint {
  const { kind, baseUrl, apiVersion, region, credential, isUserSet } = provider;
  const url = baseUrl ?? KINDS[kind].publicUrl?.(region ?? '');
  if (url === undefined) throw new Error(`a provider of the kind ${kind} needs a base URL`);
  const { api_key: apiKey, access_key_id: accessKeyId } = credential ?? {};
  const { secret_access_key: secretAccessKey, session_token: sessionToken } = credential ?? {};
  return {
    baseUrl: url,
    ...(isUserSet === true && { isUserSet }),
    ...(apiKey !== undefined && { apiKey }),
    ...(apiVersion !== null && { apiVersion }),
    ...(region !== null && {
      aws: {
        region,
        ...(accessKeyId !== undefined && { accessKeyId }),
        ...(secretAccessKey !== undefined && { secretAccessKey }),
        ...(sessionToken !== undefined && { sessionToken }),
      },
    }),
  };
}
