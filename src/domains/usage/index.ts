export { USAGE_ERRORS } from './errors.ts';
export type { Admission, AdmissionRequest, LimitEnforcer } from './limits/admission.ts';
export type { LimitedPrincipal } from './limits/limit-index.ts';
export { type Limits, type LimitsOptions, openLimits, type PriceBook } from './open-limits.ts';
export type { Cost, PricedCounts } from './prices/price-table.ts';
export { ensureUsagePartitions } from './repository.ts';
export { usageRoutes } from './routes.ts';
export type { UsageRecord, UsageRecorder, UsageStatus } from './usage-record.ts';
export {
  JournaledUsageRecorder,
  openUsageRecorder,
  type UsageRecorderOptions,
} from './usage-recorder.ts';
