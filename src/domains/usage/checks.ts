/** What `llamp doctor` asks about prices and budgets. */
export { hasMoneyLimits, listPricedModels } from './check-repository.ts';
