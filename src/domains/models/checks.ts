/** What `llamp doctor` asks about models. */
export { listEnabledModels, listUnservedModels } from './check-repository.ts';
