export { USAGE_ERRORS } from './errors.ts';
export { ensureUsagePartitions } from './repository.ts';
export { usageRoutes } from './routes.ts';
export type { UsageRecord, UsageRecorder, UsageStatus } from './usage-record.ts';
export {
  JournaledUsageRecorder,
  openUsageRecorder,
  type UsageRecorderOptions,
} from './usage-recorder.ts';
