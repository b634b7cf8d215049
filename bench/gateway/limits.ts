import { request } from 'undici';
import { MODELS } from './scripted-answers.ts';

interface Target {
  readonly port: number;
  readonly apiKey: string;
}

// High enough for any machine: what is measured is that each call asks.
const UNREACHED = 1_000_000_000_000;
const LIMITS = [
  { kind: 'requests', amount: UNREACHED },
  { kind: 'tokens', amount: UNREACHED },
  { kind: 'parallel', amount: UNREACHED },
  { kind: 'money', period: 'month', amount: UNREACHED },
];

/** Puts the key's project under a limit of each kind, and a price on every model. */
export async function setLimits(target: Target): Promise<void> {
  const me = await manage(target, 'GET', '/api/v1/me');
  const prices = Object.values(MODELS).map((model) => ({ model, input: 1_000, output: 2_000 }));
  await manage(target, 'PUT', '/api/v1/prices', { prices });
  for (const limit of LIMITS) {
    const body = { scope: 'project', scope_id: me['project_id'], ...limit };
    await manage(target, 'POST', '/api/v1/limits', body);
  }
}

async function manage(
  { port, apiKey }: Target,
  method: 'GET' | 'PUT' | 'POST',
  path: string,
  json?: object,
): Promise<Record<string, unknown>> {
  const { statusCode, body } = await request(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: json && JSON.stringify(json),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await body.text();
  if (statusCode >= 300) throw new Error(`${method} ${path} answered ${statusCode}: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}
