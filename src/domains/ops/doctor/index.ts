export type { Check } from './check.ts';
export {
  CHECKS,
  CHECKS_OF_DATA,
  CHECKS_OF_HOST,
  CHECKS_WITHOUT_CONFIGURATION,
} from './catalogue.ts';
export { DRIFTED_VECTORS } from './checks/knowledge/vectors.ts';
export {
  type Configuration,
  DOCTOR_OPTIONS,
  type DoctorContext,
  type DoctorOptions,
  type DoctorSettings,
  type FolderState,
  type Probes,
} from './context.ts';
export { readDatabaseSize } from './database-repository.ts';
export type { Status } from './finding.ts';
export { type Host, systemHost } from './host.ts';
export { isLlamp, urlOf } from './is-llamp.ts';
export { type CheckObject, checkObject, type ReportObject, reportObject } from './report.ts';
export { doctorRoutes } from './routes.ts';
export { type CheckReport, overallStatus, runChecks } from './run-checks.ts';
export { ServerDoctor } from './server-doctor.ts';
export { LANGUAGES, type Language, languageOf, type Text, text } from './text.ts';
