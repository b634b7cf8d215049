/** What `llamp doctor` asks about prices and budgets. */
export { fullestBudgets, hasMoneyLimits, listPricedModels } from './check-repository.ts';
