import { type CallServices, RoutedCall } from '../routing/routed-call.ts';
import { NO_USAGE } from '../usage-counts.ts';
import type { MeterHit } from './cached-inference.ts';

/** Records calls that the cache answers: they need a known model and are limited as any, and cost nothing. */
export function hitMeter(services: CallServices): MeterHit {
  return async (call, streamed) => {
    const routed = await RoutedCall.open(services, call, streamed);
    try {
      routed.meter.settle({ status: 'completed', counts: NO_USAGE, responseCached: true });
      return routed.headers({});
    } finally {
      routed.scope.release();
    }
  };
}
