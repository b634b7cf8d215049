import type { Deployment, Endpoint } from '../../models/index.ts';

/** True when a deployment serves the endpoint itself, or what calls of it can be translated to. */
export function answersEndpoint({ serves }: Deployment, endpoint: Endpoint): boolean {
  return serves.has(endpoint) || (endpoint === 'messages' && serves.has('chat.completions'));
}
