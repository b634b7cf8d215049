/** What `llamp doctor` asks about the log of who did what. */
export { oldestUnsealedAt } from './check-repository.ts';
