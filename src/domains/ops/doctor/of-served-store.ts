import type { DoctorContext } from './context.ts';
import { fail, type Finding, ok, reasonOf } from './finding.ts';
import type { Text } from './text.ts';
import { StoreProbeError } from '../../../ports/store-probe.ts';

export const PROBE_TIMEOUT_MS = 5_000;

/** What checks of Redis have in common; `host`, because a running server holds nothing of it. */
export const ofRedis = {
  place: 'host' as const,
  needs: ['redis.reachable'],
  appliesTo: ({ configuration }: DoctorContext) => configuration.settings.redis !== undefined,
};

/** What checks of the object store have in common. */
export const ofObjects = {
  place: 'host' as const,
  needs: ['objects.reachable'],
  appliesTo: ({ configuration }: DoctorContext) => configuration.settings.s3 !== undefined,
};

/** What checks of Milvus have in common. */
export const ofVectors = {
  place: 'host' as const,
  needs: ['vectors.reachable'],
  appliesTo: ({ configuration }: DoctorContext) => configuration.settings.milvus !== undefined,
};

/** Opens a connection; `refused` is the hint for keys and passwords that are wrong. */
export async function reached(open: () => Promise<unknown>, refused: Text): Promise<Finding> {
  try {
    await open();
    return ok('it answers', '应答正常');
  } catch (error) {
    const reason = reasonOf(error);
    const isRefused = error instanceof StoreProbeError && error.kind === 'refused';
    return isRefused
      ? fail(`refused: ${reason}`, `被拒绝：${reason}`, refused)
      : fail(reason, reason);
  }
}
