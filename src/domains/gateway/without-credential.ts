import type { UpstreamEndpoint } from '../models/index.ts';
import { UpstreamFailure } from './upstream-failure.ts';

const MASK = '[credential]';
// Shorter ones are words that an error may hold anyway.
const SECRET_LENGTH_MIN = 8;
// Messages are cut somewhere, perhaps inside a credential.
const CUT_LENGTH_MIN = 4;

/**
 * The failure without the credential of the endpoint that reported it: some upstreams quote the request that they refuse,
 * its headers too. Any other error is returned as it is.
 */
export function withoutCredential<T>(error: T, endpoint: UpstreamEndpoint | undefined): T {
  if (!(error instanceof UpstreamFailure) || endpoint === undefined) return error;
  const secrets = secretsOf(endpoint);
  const conceal = (text: string) => concealed(text, secrets);
  const param = error.param === undefined ? undefined : conceal(error.param);
  const shown = { message: conceal(error.message), code: conceal(error.code), param };
  const headers = Object.entries(error.headers).map(([name, value]) => [name, conceal(value)]);
  const failure = new UpstreamFailure(
    error.outcome,
    {
      ...shown,
      type: conceal(error.type),
      status: error.status,
      retryable: error.retryable,
      retryAfterMs: error.retryAfterMs,
      logMessage: error.logMessage,
    },
    Object.fromEntries(headers),
  );
  return failure as typeof error;
}

/** Whether a text quotes the credential of an endpoint. */
export function quotesCredential(text: string, endpoint: UpstreamEndpoint | undefined): boolean {
  return endpoint !== undefined && secretsOf(endpoint).some((secret) => text.includes(secret));
}

function secretsOf({ apiKey, aws }: UpstreamEndpoint): string[] {
  return [apiKey, aws?.secretAccessKey, aws?.sessionToken].filter(
    (secret) => secret !== undefined && secret.length >= SECRET_LENGTH_MIN,
  ) as string[];
}

function concealed(text: string, secrets: readonly string[]): string {
  let shown = text;
  for (const secret of secrets) {
    shown = shown.replaceAll(secret, MASK);
    const cutLength = cutLengthOf(shown, secret);
    if (cutLength > 0) shown = shown.slice(0, -cutLength) + MASK;
  }
  return shown;
}

/** How much of the secret the text ends with. */
function cutLengthOf(text: string, secret: string): number {
  for (let length = secret.length - 1; length >= CUT_LENGTH_MIN; length--)
    if (text.endsWith(secret.slice(0, length))) return length;
  return 0;
}
