import type { Deployment, UpstreamEndpoint } from '../../../models/index.ts';
import { failure } from '../../upstream-failure.ts';

/** The endpoint of a deployment with its key. Without one an SDK would look for a key in the environment. */
export function credentialOf(deployment: Deployment): UpstreamEndpoint & { apiKey: string } {
  const endpoint = endpointOf(deployment);
  const { apiKey } = endpoint;
  if (apiKey === undefined || apiKey === '') throw noCredential(deployment);
  return { ...endpoint, apiKey };
}

export function endpointOf({ endpoint, name }: Deployment): UpstreamEndpoint {
  if (endpoint === undefined) throw new Error(`the deployment ${name} has no endpoint`);
  return endpoint;
}

export function noCredential({ name }: Deployment) {
  return failure('4xx', 'upstream_authentication_failed', {
    message: `The deployment '${name}' has no credential.`,
  });
}
