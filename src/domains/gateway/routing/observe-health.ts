import type { Metrics } from '../../../lib/metrics.ts';
import type { CallRouter } from './call-router.ts';

const VALUES = { healthy: 1, probing: 0.5, out: 0 } as const;

/** Reads the health of deployments when metrics are collected. */
export function observeHealth(router: CallRouter, { deploymentHealth }: Metrics): void {
  Object.assign(deploymentHealth, {
    collect: () => {
      // Deployments that are gone must not stay.
      deploymentHealth.reset();
      for (const { deployment, state } of router.deployments())
        deploymentHealth.set({ deployment: deployment.name }, VALUES[state]);
    },
  });
}
