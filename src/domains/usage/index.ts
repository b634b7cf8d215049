export { USAGE_ERRORS } from './errors.ts';
export type { Admission, AdmissionRequest, LimitEnforcer } from './limits/admission.ts';
export type { LimitedPrincipal } from './limits/limit-index.ts';
export { type Limits, type LimitsOptions, openLimits } from './open-limits.ts';
export { NO_PRICES, type PriceBook } from './price-book.ts';
export type { Cost, PricedCounts } from './prices/price-table.ts';
export { ensureUsagePartitions } from './repository.ts';
export { usageRoutes } from './routes.ts';
export type { BegunCall, UsageRecord, UsageRecorder, UsageStatus } from './usage-record.ts';
export {
  JournaledUsageRecorder,
  openUsageRecorder,
  type UsageRecorderOptions,
} from './usage-recorder.ts';
