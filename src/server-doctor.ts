import { doctorContext } from './doctor-context.ts';
import { ServerDoctor } from './domains/ops/doctor/index.ts';
import { probesOfServer } from './open-probes.ts';
import type { RuntimeContext, Stores } from './runtime.ts';

/** What a running server says of the data that it has open. */
export function serverDoctor(stores: Stores, { config, clock }: RuntimeContext): ServerDoctor {
  return new ServerDoctor(() => {
    const { probes, close } = probesOfServer(config, stores);
    const folder = { state: 'ours' as const };
    return { context: doctorContext(config, { env: {}, clock, probes, folder }), close };
  });
}
