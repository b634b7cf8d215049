import { expect, test } from 'vitest';
import type { ScriptedProvider } from '../support/scripted-provider.ts';
import type { Installation } from '../support/servers/installation.ts';
import { type Answer, call, chat } from './api-client.ts';
import { until } from './llamp-process.ts';

export interface RouteChangeTarget {
  readonly installation: Installation;
  readonly upstream: ScriptedProvider;
}

const TRIALS = 100;
const EFFECT_MAX_MS = 2_000;
const MODEL = 'switched';
const DEPLOYMENTS = ['switched-a', 'switched-b'];

/** How soon an instance serves a model the way that another one was told. */
export function routeChangeSuite(target: () => RouteChangeTarget): void {
  test(`GW-12 ${TRIALS} of ${TRIALS} route changes hold on the other instance within 2 s`, async () => {
    const { installation, upstream } = target();
    const { apiKey: key, instances } = installation;
    const [here, there] = [instances[0]?.url ?? '', instances.at(-1)?.url ?? ''];
    const path = `/api/v1/models/${await define(here, key, upstream)}`;
    let slowestMs = 0;
    for (let trial = 0; trial < TRIALS; trial += 1) {
      const deployment = DEPLOYMENTS[trial % 2];
      await manage(here, key, 'PATCH', path, {
        deployments: [{ deployment }],
      });
      const startedMs = performance.now();
      await until(async () => {
        const answer = await chat({ url: there, key, model: MODEL });
        return answer.headers['x-llamp-deployment'] === deployment ? true : undefined;
      }, EFFECT_MAX_MS);
      slowestMs = Math.max(slowestMs, Math.round(performance.now() - startedMs));
    }
    process.stdout.write(`slowest route change on the other instance: ${slowestMs} ms\n`);
    await manage(here, key, 'DELETE', path);
  }, 240_000);
}

/** Returns the id of the model. */
async function define(url: string, key: string, upstream: ScriptedProvider): Promise<string> {
  await manage(url, key, 'POST', '/api/v1/providers', {
    name: 'switched',
    kind: 'openai-compatible',
    base_url: upstream.baseUrl,
    credential: { api_key: upstream.apiKey },
  });
  for (const name of DEPLOYMENTS) {
    const deployment = { name, provider: 'switched', upstream_model: 'scripted-chat' };
    await manage(url, key, 'POST', '/api/v1/deployments', deployment);
  }
  const deployments = [{ deployment: DEPLOYMENTS[0] }];
  const made = await manage(url, key, 'POST', '/api/v1/models', { name: MODEL, deployments });
  return String(made.json['id']);
}

async function manage(
  url: string,
  key: string,
  method: string,
  path: string,
  json?: object,
): Promise<Answer> {
  const answer = await call(url, { method, path, key, ...(json === undefined ? {} : { json }) });
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer;
}
