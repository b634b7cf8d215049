import { expect, test } from 'vitest';
import { deploymentNamed, modelNamed } from '../../../../test/support/routed-deployments.ts';
import { systemClock } from '../../../adapters/clock/system.ts';
import { silentLog } from '../../../lib/log.ts';
import { failure } from '../upstream-failure.ts';
import { DeploymentHealth } from './deployment-health.ts';
import { Route } from './route.ts';

const broken = failure('5xx', 'upstream_error', { message: 'broken', retryable: true });

/** Models in the order in which a call reaches them while everything fails. */
function reached(allowed: readonly string[] | undefined): string[] {
  const models = new Map(
    ['first', 'second', 'third'].map((name) => [
      name,
      modelNamed(name, [deploymentNamed(name)], { fallbacks: ['second', 'third'] }),
    ]),
  );
  const first = models.get('first');
  if (first === undefined) throw new Error('it was just made');
  const services = {
    health: new DeploymentHealth({ clock: systemClock, log: silentLog }),
    findModel: (name: string) => models.get(name),
    view: () => ({
      random: () => 0,
      openCalls: () => 0,
      latencyMs: () => 0,
      cost: () => undefined,
    }),
  };
  const route = new Route(services, first, {
    projectId: 'proj',
    models: allowed && new Set(allowed),
    endpoint: 'chat.completions',
    json: {},
  });
  const names = new Set<string>();
  for (let next: ReturnType<Route['after']> = route.first(); next; next = route.after(broken))
    names.add(next.model.name);
  return [...names];
}

test('ID-3 a fallback that the key may not name is left out', () => {
  expect(reached(undefined)).toEqual(['first', 'second', 'third']);
  expect(reached(['first', 'third'])).toEqual(['first', 'third']);
  expect(reached(['first'])).toEqual(['first']);
});
